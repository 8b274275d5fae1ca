package sidecar.tests.masks.default_test

import data.sidecar.example_test as example
import data.sidecar.rules.masks["default"] as rule

_actions(query) := {entity: {mask.action | some mask in masks; mask.entity == entity} |
	masks := rule.mask with input as query
	some entity in {mask.entity | some mask in masks}
}

_called_by(roles) := example.with_roles(example.call, roles)

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

test_keeps_all_for_a_raw_role_but_what_is_always_masked if {
	actions := _actions(_called_by(["auditor"])) with data.site.config as {"raw_roles": ["auditor"]}
	actions.EMAIL == {"keep"}
	actions.IMAGE == {"keep"}
	actions.CARD == {"last4"}
	actions.PIN == {"mask"}
	actions.TOKEN == {"mask"}
}

test_keeps_nothing_for_other_roles if {
	actions := _actions(_called_by(["clerk"])) with data.site.config as {"raw_roles": ["auditor"]}
	actions == _actions(example.call)
}

test_masks_what_is_always_masked_even_where_the_operator_keeps_it if {
	actions := _actions(example.call) with data.site.config as {"masks": {"CARD": "keep"}}
	"mask" in actions.CARD
}

test_masks_what_is_always_masked_even_where_no_action_is_set if {
	actions := _actions(_called_by(["auditor"])) with data.site.config as {
		"raw_roles": ["auditor"],
		"always_masked": ["IBAN"],
	}
	actions.IBAN == {"mask"}
}

test_masks_missing_input if count(_actions({})) == count(data.sidecar.config.masks)
