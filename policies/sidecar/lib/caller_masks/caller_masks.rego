# METADATA
# title: Caller masks
# description: What is masked otherwise for this caller. For the rules of masks alone.
package sidecar.lib.caller_masks

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.roles
import data.sidecar.lib.selection.is_for

# METADATA
# title: Wanted
# description: |
#   The masks of every row of config.caller_masks that is for the caller. A role in config.raw_roles
#   counts as a row that keeps all but what config.always_masked names.
wanted := array.concat(
	[row.masks | some row in settings.caller_masks; is_for(row)],
	[kept |
		some role in settings.raw_roles
		role in roles
		kept := {entity: "keep" | some entity, _ in settings.masks; not entity in settings.always_masked}
	],
)
