package sidecar.lib.shadow_test

import data.sidecar.lib.shadow

_tree := {"access": {"hours": {"deny": {1}}, "days": {"deny": {2}}}, "masks": {"hours": {"mask": {3}}}}

_shadowed(names) := object.union(data.sidecar.config, {"shadow_rules": names})

test_without_a_name_every_rule_is_lit if shadow.lit(_tree) == _tree

test_a_rule_is_left_out_of_its_group_alone if {
	lit := shadow.lit(_tree) with data.sidecar.config as _shadowed(["access.hours"])
	lit == {"access": {"days": {"deny": {2}}}, "masks": {"hours": {"mask": {3}}}}
}

test_several_rules_are_left_out if {
	names := ["access.hours", "access.days", "masks.hours"]
	lit := shadow.lit(_tree) with data.sidecar.config as _shadowed(names)
	lit == {"access": {}, "masks": {}}
}

test_what_names_no_rule_leaves_all if {
	every name in ["", "hours", "access", "access.none", "none.hours", "site.access.hours", null, 3, {}] {
		shadow.lit(_tree) == _tree with data.sidecar.config as _shadowed([name])
	}
}

test_a_group_that_is_none_stays_to_be_told_of if {
	lit := shadow.lit({"access": true}) with data.sidecar.config as _shadowed(["access.hours"])
	lit == {"access": true}
}
