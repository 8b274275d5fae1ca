package sidecar.lib.query_test

import data.sidecar.example_test as example
import data.sidecar.lib.query

test_a_list_is_a_list if query.is_list with input as example.list_of([])

test_anything_else_is_a_call if {
	not query.is_list with input as example.call
	not query.is_list with input as {}
	not query.is_list with input as {"mcp": {"method": "prompts/list"}}
}

test_the_tools_are_those_of_a_readable_input if {
	readable := example.tool
	query.tools == [readable] with input as example.call
}

test_an_input_that_lacks_a_part_has_no_tools if {
	every part in ["version", "tools", "mcp", "caller", "endpoint"] {
		query.tools == [] with input as object.remove(example.call, [part])
		query.tools == [] with input as example.with_changes({part: null})
	}
}

test_an_input_with_a_null_array_has_no_tools if {
	every changes in [{"caller": {"roles": null}}, {"endpoint": {"methods": null}}, {"endpoint": {"tags": null}}] {
		query.tools == [] with input as example.with_changes(changes)
	}
}

test_an_input_of_another_version_has_no_tools if query.tools == [] with input as example.with_changes({"version": 2})

test_a_tool_that_lacks_a_part_is_left_out if {
	readable := example.tool
	every part in ["name", "method", "effect", "tags"] {
		without := object.remove(readable, [part])
		nulled := object.union(readable, {part: null})
		query.tools == [readable] with input as example.list_of([without, nulled, null, "x", readable])
	}
}

test_the_roles_are_the_callers_strings if {
	query.roles == ["a"] with input as example.with_roles(example.call, ["a", null, 1])
	query.roles == [] with input as example.with_roles(example.call, null)
	query.roles == [] with input as {}
}
