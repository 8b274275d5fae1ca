package sidecar.lib.masks_test

import data.sidecar.lib.masks

_on(entity, action, code) := {"entity": entity, "action": action, "code": code}

_at(pointer, action, code) := {"pointer": pointer, "action": action, "code": code}

test_different_things_keep_their_masks if {
	each := {_on("EMAIL", "keep", "a"), _on("PHONE", "drop", "a"), _at("/x", "mask", "a"), _at("/y", "mask", "a")}
	masks.strictest(each) == each
}

test_the_strictest_action_wins if {
	masks.strictest({_on("EMAIL", "keep", "z"), _on("EMAIL", "last4", "a")}) == {_on("EMAIL", "last4", "a")}
	masks.strictest({_on("EMAIL", "mask", "a"), _on("EMAIL", "last4", "z")}) == {_on("EMAIL", "mask", "a")}
	masks.strictest({_on("EMAIL", "pseudonym", "a"), _on("EMAIL", "last4", "z")}) == {_on("EMAIL", "pseudonym", "a")}
	masks.strictest({_on("EMAIL", "pseudonym", "z"), _on("EMAIL", "mask", "a")}) == {_on("EMAIL", "mask", "a")}
	masks.strictest({_on("EMAIL", "mask", "z"), _on("EMAIL", "drop", "a")}) == {_on("EMAIL", "drop", "a")}
}

test_the_strictest_action_wins_at_a_pointer_too if {
	masks.strictest({_at("/x", "keep", "z"), _at("/x", "drop", "a"), _at("/y", "keep", "b")}) == {
		_at("/x", "drop", "a"),
		_at("/y", "keep", "b"),
	}
}

test_one_of_two_equal_masks_is_left if {
	masks.strictest({_on("EMAIL", "mask", "a"), _on("EMAIL", "mask", "b")}) == {_on("EMAIL", "mask", "b")}
}

test_an_entity_and_a_pointer_of_the_same_name_are_two_things if {
	each := {_on("x", "mask", "a"), _at("x", "drop", "a")}
	masks.strictest(each) == each
}

test_no_masks_are_no_masks if masks.strictest(set()) == set()

test_joined_keeps_what_only_one_of_them_names if {
	masks.joined({_on("EMAIL", "mask", "a")}, {_at("/x", "keep", "b")}) == {
		_on("EMAIL", "mask", "a"),
		_at("/x", "keep", "b"),
	}
}

test_joined_takes_the_stricter_where_both_name_it if {
	common := {_on("EMAIL", "mask", "a"), _on("NAME", "drop", "a"), _at("/x", "last4", "a")}
	own := {_on("EMAIL", "drop", "b"), _on("NAME", "keep", "b"), _at("/x", "mask", "b")}
	masks.joined(common, own) == {_on("EMAIL", "drop", "b"), _on("NAME", "drop", "a"), _at("/x", "mask", "b")}
}
