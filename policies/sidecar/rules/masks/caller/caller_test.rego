package sidecar.tests.masks.caller_test

import data.sidecar.example_test as example
import data.sidecar.lib.masks.rank
import data.sidecar.main
import data.sidecar.rules.masks.caller

_rows := {"caller_masks": [
	{"purposes": ["refunds"], "masks": {"EMAIL": "keep", "CARD": "keep", "PIN": "drop"}},
	{"roles": ["desk"], "masks": {"EMAIL": "last4"}},
]}

_caller(roles, purpose) := example.with_changes({"caller": {"roles": roles, "purpose": purpose}})

# What holds in the end, of this rule and all others: the strictest.
_settled(query) := {entity: action |
	masks := main.decision.tools.read_one.masks with input as query
	some entity in {mask.entity | some mask in masks}
	strictest := max([rank[mask.action] | some mask in masks; mask.entity == entity])
	some action, strictness in rank
	strictness == strictest
}

test_says_nothing_by_default if caller.mask == set() with input as _caller(["desk"], "refunds")

test_masks_for_every_tool_in_place_of_the_default if {
	query := _caller([], "refunds")
	example.named(caller.mask) == {"*"} with input as query with data.site.config as _rows
	settled := _settled(query) with data.site.config as _rows
	settled.EMAIL == "keep"
	settled.NAME == "mask"
}

test_masks_by_the_strictest_of_several_rows if {
	settled := _settled(_caller(["desk"], "refunds")) with data.site.config as _rows
	settled.EMAIL == "last4"
}

test_masks_what_is_always_masked_no_milder_but_stricter if {
	settled := _settled(_caller([], "refunds")) with data.site.config as _rows
	settled.CARD == "last4"
	settled.PIN == "drop"
}

test_keeps_all_for_a_raw_role_but_what_is_always_masked_and_what_a_row_masks if {
	settled := _settled(_caller(["auditor", "desk"], "")) with data.site.config as object.union(_rows, {"raw_roles": ["auditor"]})
	{entity: settled[entity] | some entity in ["CARD", "EMAIL", "IMAGE", "NAME", "PIN", "SSN", "TOKEN"]} == {
		"CARD": "last4",
		"EMAIL": "last4",
		"IMAGE": "keep",
		"NAME": "keep",
		"PIN": "mask",
		"SSN": "mask",
		"TOKEN": "mask",
	}
}

test_masks_by_default_for_other_callers if {
	settled := _settled(_caller(["clerk"], "x")) with data.site.config as object.union(_rows, {"raw_roles": ["auditor"]})
	settled == data.sidecar.config.masks
}

test_denies_missing_input if caller.mask == set() with input as {}
