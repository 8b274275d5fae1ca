package sidecar.tests.arguments.masked_values_test

import data.sidecar.example_test as example
import data.sidecar.rules.arguments.masked_values

_found(entity, pointer, marks) := object.union(
	example.with_tool({"arguments": marks}),
	{"findings": [{"entity": entity, "pointer": pointer, "length": 7}]},
)

test_allows_a_mask_in_free_text_that_is_added if {
	masked_values.deny == set() with input as _found("MASK", "/body", {"body": {"overwrites": false, "outbound": false}})
}

test_allows_a_mask_in_an_argument_without_marks if {
	masked_values.deny == set() with input as _found("MASK", "/body", {"body": {}})
}

test_allows_a_mask_in_an_unknown_argument_of_a_reading_tool if {
	masked_values.deny == set() with input as _found("MASK", "/body", {})
}

test_denies_a_mask_in_an_unknown_argument_of_a_writing_tool if {
	every effect in ["write", "destructive"] {
		count(masked_values.deny) == 1 with input as object.union(
			example.with_tool({"effect": effect, "arguments": {"known": {}}}),
			{"findings": [{"entity": "MASK", "pointer": "/body", "length": 7}]},
		)
	}
}

test_denies_a_mask_that_would_overwrite if {
	example.named(masked_values.deny) == {"read_one"} with input as _found("MASK", "/emails/0", {"emails": {"overwrites": true}})
}

test_denies_a_mask_that_would_reach_a_customer if {
	count(masked_values.deny) == 1 with input as _found("MASK", "/text", {"text": {"outbound": true}})
}

test_denies_where_the_marks_cannot_be_read if {
	every marks in [{"a": null}, {"a": []}, {"a": {"overwrites": null}}, {"a": {"outbound": "no"}}] {
		count(masked_values.deny) == 1 with input as _found("MASK", "/a", marks)
	}
}

test_denies_where_what_is_known_of_the_arguments_cannot_be_read if {
	every value in ["body", null, ["body"], 1] {
		count(masked_values.deny) == 1 with input as object.union(
			example.with_tool({"arguments": value}),
			{"findings": [{"entity": "MASK", "pointer": "/body", "length": 7}]},
		)
	}
}

test_denies_a_mask_in_no_argument if count(masked_values.deny) == 1 with input as _found("MASK", "", {})

test_allows_other_findings if {
	masked_values.deny == set() with input as _found("EMAIL", "/a", {"a": {"overwrites": true}})
}

test_denies_missing_input if masked_values.deny == set() with input as {}
