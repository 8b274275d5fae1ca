package sidecar.tests.access.pinned_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.pinned

test_allows_a_pinned_tool if pinned.deny == set() with input as example.call

test_denies_a_changed_tool if {
	example.named(pinned.deny) == {"read_one"} with input as example.with_tool({"pinned": false})
}

test_denies_a_tool_of_which_nobody_says_whether_it_changed if {
	every value in [null, "true", 1, []] {
		count(pinned.deny) == 1 with input as example.with_tool({"pinned": value})
	}
	nothing := object.union(example.call, {"tools": [object.remove(example.tool, ["pinned"])]})
	count(pinned.deny) == 1 with input as nothing
}

test_denies_missing_input if pinned.deny == set() with input as {}
