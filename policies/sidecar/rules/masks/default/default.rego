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
	some entity, action in _actions
}

# What is always masked is said whatever else is wanted: of several masks the strictest holds.
_actions := _masks if {
	wanted == []
} else := object.remove(_masks, {entity |
	some masks in wanted
	some entity, _ in masks
	not entity in settings.always_masked
})

# For these entities "keep" is no choice, and to be forgotten is none either.
_masks := object.union(settings.masks, {entity: "mask" |
	some entity in settings.always_masked
	object.get(settings.masks, entity, "keep") == "keep"
})
