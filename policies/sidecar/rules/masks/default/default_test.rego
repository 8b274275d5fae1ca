package sidecar.tests.masks.default_test

import data.sidecar.example_test as example
import data.sidecar.rules.masks["default"] as rule

_actions(query) := {entity: {mask.action | some mask in masks; mask.entity == entity} |
	masks := rule.mask with input as query
	some entity in {mask.entity | some mask in masks}
}

test_masks_as_the_library_is_set if {
	_actions(example.call) == {entity: {action} | some entity, action in data.sidecar.config.masks}
}

test_masks_for_every_tool if example.named(rule.mask) == {"*"} with input as example.call

test_masks_as_the_operator_sets if {
	actions := _actions(example.call) with data.site.config as {"masks": {"EMAIL": "drop", "PHONE": "keep"}}
	actions.EMAIL == {"drop"}
	actions.PHONE == {"keep"}
	actions.NAME == {"mask"}
}

test_says_nothing_of_what_is_masked_otherwise_for_the_caller_but_what_is_always_masked if {
	actions := _actions(example.with_roles(example.call, ["desk"]))
		with data.site.config as {"caller_masks": [{"roles": ["desk"], "masks": {"EMAIL": "keep", "CARD": "keep"}}]}
	not actions.EMAIL
	actions.CARD == {"last4"}
	actions.NAME == {"mask"}
}

test_masks_what_is_always_masked_even_where_the_operator_keeps_it if {
	actions := _actions(example.call) with data.site.config as {"masks": {"CARD": "keep"}}
	actions.CARD == {"mask"}
}

_forgetful := object.union(object.remove(data.sidecar.config, ["masks"]), {"masks": {"EMAIL": "drop"}})

test_masks_what_is_always_masked_even_where_no_action_is_set if {
	actions := _actions(example.call) with data.sidecar.config as _forgetful
	actions == {"EMAIL": {"drop"}, "CARD": {"mask"}, "PIN": {"mask"}, "SSN": {"mask"}, "TOKEN": {"mask"}}
}

test_masks_missing_input if count(_actions({})) == count(data.sidecar.config.masks)
