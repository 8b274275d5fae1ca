package sidecar.lib.site_test

import data.sidecar.lib.site

_denial := {"tool": "a", "code": "access.x", "message": "No.", "remedy": "Ask."}

_mask := {"tool": "a", "code": "masks.x", "entity": "EMAIL", "action": "drop"}

_good := {
	"access": {"x": {"grant": {{"tool": "a", "code": "access.x"}}, "deny": {_denial}}},
	"arguments": {"x": {"deny": {_denial}}},
	"masks": {"x": {"mask": {_mask, {"tool": "a", "code": "masks.x", "pointer": "/x", "action": "keep"}}}},
}

# The codes with which everything is denied in place of these rules.
_refused(rules) := {denial.code |
	checked := site.rules with data.site.rules as rules
	object.keys(checked) == {"access"}
	object.keys(checked.access) == {"unreadable"}
	some denial in checked.access.unreadable.deny
	denial.tool == "*"
}

# Whoever tests a site of their own reads this beside its rules.
test_no_rules_are_no_rules if site.rules == {} with data.site as {}

test_readable_rules_are_taken_as_they_are if {
	rules := _good
	site.rules == rules with data.site.rules as rules
}

test_helpers_beside_a_rules_sets_do_not_matter if {
	rules := {"access": {"x": {"deny": set(), "_helper": 1, "limits": {"deny": 3}}}}
	site.rules == rules with data.site.rules as rules
}

test_a_group_that_does_not_exist_denies_everything if {
	_refused({"acces": {"x": {"deny": {_denial}}}}) == {"acces"}
	_refused(object.union(_good, {"deny": {_denial}})) == {"deny"}
}

test_a_package_on_the_wrong_level_denies_everything if {
	_refused({"access": {"deny": {_denial}}}) == {"access.deny"}
	_refused({"access": {_denial}}) == {"access"}
	_refused({"access": {"x": {"deny": set(), "y": {"deny": {_denial}}}}}) == {"access.x"}
}

test_a_kind_that_its_group_does_not_have_denies_everything if {
	_refused({"access": {"x": {"mask": {_mask}}}}) == {"access.x"}
	_refused({"arguments": {"x": {"grant": {{"tool": "a", "code": "c"}}}}}) == {"arguments.x"}
	_refused({"arguments": {"x": {"mask": {_mask}}}}) == {"arguments.x"}
	_refused({"masks": {"x": {"deny": {_denial}}}}) == {"masks.x"}
	_refused({"masks": {"x": {"grant": {_denial}}}}) == {"masks.x"}
}

test_a_kind_that_is_no_set_denies_everything if {
	_refused({"access": {"x": {"deny": true}}}) == {"access.x"}
	_refused({"access": {"x": {"grant": [{"tool": "a", "code": "c"}]}}}) == {"access.x"}
	_refused({"masks": {"x": {"mask": {"a": _mask}}}}) == {"masks.x"}
}

test_a_result_that_lacks_a_part_denies_everything if {
	every part in ["tool", "code", "message", "remedy"] {
		_refused({"access": {"x": {"deny": {object.remove(_denial, [part])}}}}) == {"access.x"}
		_refused({"arguments": {"x": {"deny": {object.union(_denial, {part: null})}}}}) == {"arguments.x"}
	}
	every part in ["tool", "code", "entity", "action"] {
		_refused({"masks": {"x": {"mask": {object.remove(_mask, [part])}}}}) == {"masks.x"}
	}
	_refused({"access": {"x": {"grant": {{"tool": "a"}}}}}) == {"access.x"}
	_refused({"access": {"x": {"deny": {"no"}}}}) == {"access.x"}
}

test_a_mask_with_an_action_or_a_thing_too_many_denies_everything if {
	_refused({"masks": {"x": {"mask": {object.union(_mask, {"action": "hash"})}}}}) == {"masks.x"}
	_refused({"masks": {"x": {"mask": {object.union(_mask, {"pointer": "/x"})}}}}) == {"masks.x"}
}

test_every_unreadable_rule_is_named if {
	_refused({"access": {"x": {"deny": 1}, "y": {"deny": 2}, "z": {"deny": set()}}}) == {"access.x", "access.y"}
}
