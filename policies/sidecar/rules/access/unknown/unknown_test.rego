package sidecar.tests.access.unknown_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.unknown

test_allows_a_known_tool if unknown.deny == set() with input as example.call

test_denies_an_unknown_tool if {
	example.named(unknown.deny) == {"read_one"} with input as example.with_tool({"known": false})
}

test_denies_a_tool_of_which_nobody_says_whether_it_is_known if {
	every value in [null, "true", 1, []] {
		count(unknown.deny) == 1 with input as example.with_tool({"known": value})
	}
	nothing := object.union(example.call, {"tools": [object.remove(example.tool, ["known"])]})
	count(unknown.deny) == 1 with input as nothing
}

test_grants_nothing if not unknown.grant with input as example.call

test_denies_missing_input if unknown.deny == set() with input as {}
