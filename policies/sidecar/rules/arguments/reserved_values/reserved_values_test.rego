package sidecar.tests.arguments.reserved_values_test

import data.sidecar.example_test as example
import data.sidecar.rules.arguments.reserved_values

_site := {"reserved_values": [{
	"tools": ["read_one"],
	"argument": "status",
	"values": ["CLOSED", true, 7, "ЗАКРЫТО"],
	"roles": ["lead"],
}]}

_with(status) := example.with_changes({"arguments": {"status": status, "note": "CLOSED"}})

test_reserves_nothing_by_default if reserved_values.deny == set() with input as _with("CLOSED")

test_denies_a_reserved_value_and_says_in_which_argument if {
	{denial.message | some denial in reserved_values.deny} == {concat("", [
		"Tool read_one: the argument status holds a value ",
		"that is reserved for other callers, endpoints or accounts.",
	])} with input as _with("CLOSED") with data.site.config as _site
}

test_denies_it_however_it_is_written if {
	every status in [
		" closed",
		{"value": "CLOSED"},
		{"all": [{"is": "Closed\n"}]},
		["x", "closed"],
		"CLO\u200bSED",
		"closed\u200b",
		true,
		"True",
		7,
		"7",
		7.5,
		"закрыто ",
	] {
		example.named(reserved_values.deny) == {"read_one"} with input as _with(status) with data.site.config as _site
	}
}

test_allows_other_values_and_other_arguments if {
	every status in ["OPEN", "CLOSED?", false, 1, "1", "ОТКРЫТО", null, [], {}, {"CLOSED": "OPEN"}] {
		reserved_values.deny == set() with input as _with(status) with data.site.config as _site
	}
	reserved_values.deny == set() with input as example.call with data.site.config as _site
}

test_allows_it_to_those_whom_the_row_names if {
	reserved_values.deny == set() with input as example.with_roles(_with("CLOSED"), ["lead"])
		with data.site.config as _site
}

test_allows_it_with_tools_that_the_row_is_not_about if {
	query := object.union(example.with_tool({"name": "read_two"}), {"arguments": {"status": "CLOSED"}})
	reserved_values.deny == set() with input as query with data.site.config as _site
}

test_is_not_asked_for_a_list if {
	query := object.union(example.list_of([example.tool]), {"arguments": {"status": "CLOSED"}})
	reserved_values.deny == set() with input as query with data.site.config as _site
}

test_denies_missing_input if reserved_values.deny == set() with input as {}
