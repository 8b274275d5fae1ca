package sidecar.tests.access.tags_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.tags

_at(endpoint_tags, tool_tags) := object.union(
	example.with_tool({"tags": tool_tags}),
	{"endpoint": {"tags": endpoint_tags}},
)

test_allows_every_tool_where_the_endpoint_names_no_tags if tags.deny == set() with input as _at([], [])

test_allows_a_tool_with_one_of_the_tags if tags.deny == set() with input as _at(["a", "b"], ["b", "c"])

test_denies_a_tool_with_none_of_the_tags if {
	example.named(tags.deny) == {"read_one"} with input as _at(["a", "b"], ["c"])
}

test_denies_a_tool_without_tags if count(tags.deny) == 1 with input as _at(["a"], [])

test_denies_tags_that_are_no_strings if count(tags.deny) == 1 with input as _at([null, 1], [null, 1])

test_denies_missing_input if tags.deny == set() with input as {}
