package sidecar.tests.access.unreviewed_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.unreviewed

test_denies_a_tool_that_nobody_reviewed if {
	query := example.with_tool({"tags": ["customers", "unreviewed"]})
	example.named(unreviewed.deny) == {"read_one"} with input as query
}

test_allows_a_reviewed_tool if unreviewed.deny == set() with input as example.call

test_denies_missing_input if unreviewed.deny == set() with input as {}
