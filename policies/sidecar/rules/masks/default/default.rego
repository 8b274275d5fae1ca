# METADATA
# title: Default masks
# description: |
#   What happens to each kind of personal data in what comes back, as config.masks says, unless
#   masks.caller says otherwise. What config.always_masked names is never kept.
package sidecar.rules.masks["default"]

import data.sidecar.lib.caller_masks.wanted
import data.sidecar.lib.config.settings

# METADATA
# title: Mask
# description: One action for each entity, for every tool.
# custom:
#   code: masks.default
#   related: [masks.caller]
mask contains {"tool": "*", "entity": entity, "action": action, "code": "masks.default"} if {
	some entity, action in _said(_held(settings.masks, settings.always_masked))
}

# What is always masked is said whatever else is wanted: of several masks the strictest holds.
_said(masks) := masks if {
	wanted == []
} else := object.remove(masks, {entity |
	some others in wanted
	some entity, _ in others
	not entity in settings.always_masked
})

# For these entities "keep" is no choice, and to be forgotten is none either.
_held(masks, always_masked) := object.union(masks, {entity: "mask" |
	some entity in always_masked
	object.get(masks, entity, "keep") == "keep"
})
