# METADATA
# title: Default masks
# description: |
#   What happens to each kind of personal data in what comes back, as config.masks says. Callers with
#   a role in config.raw_roles see it unmasked, but never what config.always_masked names.
package sidecar.rules.masks["default"]

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.roles

# METADATA
# title: Mask
# description: One action for each entity, for every tool.
# custom:
#   code: masks.default
mask contains {"tool": "*", "entity": entity, "action": action, "code": "masks.default"} if {
	some entity, action in _actions
}

# For these entities "keep" is no choice, and to be forgotten is none either: the stricter mask wins.
mask contains {"tool": "*", "entity": entity, "action": "mask", "code": "masks.default"} if {
	actions := _actions
	some entity in settings.always_masked
	object.get(actions, entity, "keep") == "keep"
}

_actions := settings.masks if not _is_raw

else := object.union(
	{entity: "keep" | some entity, _ in settings.masks},
	object.filter(settings.masks, settings.always_masked),
)

_is_raw if {
	some role in settings.raw_roles
	role in roles
}
