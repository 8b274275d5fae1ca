# METADATA
# title: Masks by caller
# description: |
#   What happens to personal data for callers with a role, client or purpose that a row of
#   config.caller_masks names, in place of config.masks, and for a role in config.raw_roles, who sees
#   it unmasked. Where several rows are for a caller, or config.always_masked names the entity, the
#   strictest holds.
package sidecar.rules.masks.caller

import data.sidecar.lib.caller_masks.wanted

# METADATA
# title: Mask
# description: One action for each entity of each row, for every tool.
# custom:
#   code: masks.caller
#   related: [masks.default]
mask contains {"tool": "*", "entity": entity, "action": action, "code": "masks.caller"} if {
	some masks in wanted
	some entity, action in masks
}
