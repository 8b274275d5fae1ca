package sidecar.tests.arguments.personal_data_test

import data.sidecar.example_test as example
import data.sidecar.rules.arguments.personal_data

_found(entity, pointer, marks) := object.union(
	example.with_tool({"arguments": marks}),
	{"findings": [{"entity": entity, "pointer": pointer, "length": 16}]},
)

test_allows_a_call_without_findings if personal_data.deny == set() with input as example.call

test_allows_an_entity_that_is_not_refused if personal_data.deny == set() with input as _found("EMAIL", "/q", {})

test_denies_a_refused_entity_and_says_where if {
	{message | some denial in personal_data.deny; message := denial.message} == {concat("", [
		"Tool read_one: the argument at /note/0/text holds a CARD, ",
		"which does not belong there.",
	])} with input as _found("CARD", "/note/0/text", {})
}

test_allows_an_entity_that_the_argument_expects if {
	personal_data.deny == set() with input as _found("PIN", "/pin", {"pin": {"expected": ["PIN"]}})
}

test_allows_an_expected_entity_deep_in_an_argument_with_an_escaped_name if {
	marks := {"a/b~c": {"expected": ["CARD"]}}
	personal_data.deny == set() with input as _found("CARD", "/a~1b~0c/0/number", marks)
}

test_denies_an_entity_that_another_argument_expects if {
	count(personal_data.deny) == 1 with input as _found("PIN", "/note", {"pin": {"expected": ["PIN"]}})
}

test_denies_where_the_marks_cannot_be_read if {
	every marks in [null, {"pin": null}, {"pin": {"expected": null}}, {"pin": {"expected": "PIN"}}, {"": {}}] {
		count(personal_data.deny) == 1 with input as _found("PIN", "/pin", marks)
	}
}

test_denies_a_finding_in_no_argument if count(personal_data.deny) == 1 with input as _found("PIN", "", {})

test_denies_each_place_on_its_own if {
	findings := [{"entity": "CARD", "pointer": pointer} | some pointer in ["/a", "/b"]]
	count(personal_data.deny) == 2 with input as example.with_changes({"findings": findings})
}

test_denies_what_the_operator_refuses if {
	count(personal_data.deny) == 1 with input as _found("EMAIL", "/q", {})
		with data.site.config as {"refused_in_arguments": ["EMAIL"]}
}

_expecting := {"expected_in_arguments": [
	{"argument": "other", "entities": ["CARD"]},
	{"tools": ["read_one"], "argument": "note", "entities": ["CARD"]},
]}

test_allows_an_entity_that_the_operator_expects_in_the_argument if {
	personal_data.deny == set() with input as _found("CARD", "/note/0", {}) with data.site.config as _expecting
	every query in [_found("CARD", "/q", {}), _found("PIN", "/note", {}), _found("CARD", "", {})] {
		count(personal_data.deny) == 1 with input as query with data.site.config as _expecting
	}
	other := object.union(_found("CARD", "/note", {}), {"tools": [object.union(example.tool, {"name": "read_two"})]})
	count(personal_data.deny) == 1 with input as other with data.site.config as _expecting
}

test_is_not_asked_for_a_list if {
	personal_data.deny == set() with input as object.union(example.list_of([example.tool]), {
		"arguments": {},
		"findings": [{"entity": "CARD", "pointer": "/q"}],
	})
}

test_denies_missing_input if personal_data.deny == set() with input as {}
