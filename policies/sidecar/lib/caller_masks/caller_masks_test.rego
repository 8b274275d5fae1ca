package sidecar.lib.caller_masks_test

import data.sidecar.example_test as example
import data.sidecar.lib.caller_masks

_rows := {"caller_masks": [
	{"purposes": ["refunds"], "masks": {"EMAIL": "keep"}},
	{"roles": ["desk"], "masks": {"EMAIL": "last4", "NAME": "drop"}},
]}

_caller(roles, purpose) := example.with_changes({"caller": {"roles": roles, "purpose": purpose}})

test_nothing_is_wanted_by_default if {
	caller_masks.wanted == [] with input as _caller(["desk"], "refunds")
	caller_masks.wanted == [] with input as {}
}

test_the_rows_for_the_caller_are_wanted if {
	caller_masks.wanted == [{"EMAIL": "keep"}] with input as _caller([], "refunds") with data.site.config as _rows
	count(caller_masks.wanted) == 2 with input as _caller(["desk"], "refunds") with data.site.config as _rows
	caller_masks.wanted == [] with input as _caller(["x"], "x") with data.site.config as _rows
}

test_a_raw_role_wants_all_kept_but_what_is_always_masked if {
	[kept] := caller_masks.wanted with input as _caller(["auditor"], "") with data.site.config as {"raw_roles": ["auditor"]}
	kept.EMAIL == "keep"
	not kept.CARD
}
