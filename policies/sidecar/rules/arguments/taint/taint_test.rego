package sidecar.tests.arguments.taint_test

import data.sidecar.example_test as example
import data.sidecar.rules.arguments.taint

_after(seconds, changes) := object.union(example.with_tool(changes), {"recent": {"customer_text_seconds": seconds}})

_export := {"tags": ["export"]}

test_denies_each_tainted_tag_after_a_customers_text if {
	every tag in data.sidecar.config.tainted_tags {
		example.named(taint.deny) == {"read_one"} with input as _after(1, {"tags": ["customers", tag]})
	}
}

test_denies_what_destroys if count(taint.deny) == 1 with input as _after(1, {"effect": "destructive"})

test_denies_once_where_tag_and_effect_match if {
	count(taint.deny) == 1 with input as _after(1, {"effect": "destructive", "tags": ["export", "webhooks"]})
}

test_allows_what_only_reads if taint.deny == set() with input as _after(1, {})

test_allows_it_where_no_customers_text_was_read if taint.deny == set() with input as _after(null, _export)

test_allows_it_when_the_time_has_passed if {
	count(taint.deny) == 1 with input as _after(119, _export) with data.site.config as {"tainted_minutes": 2}
	taint.deny == set() with input as _after(120, _export) with data.site.config as {"tainted_minutes": 2}
}

test_can_be_switched_off if {
	taint.deny == set() with input as _after(0, _export) with data.site.config as {"tainted_minutes": 0}
}

test_allows_it_to_a_role_that_the_operator_names if {
	query := example.with_roles(_after(1, _export), ["trusted"])
	count(taint.deny) == 1 with input as query
	taint.deny == set() with input as query with data.site.config as {"tainted_roles": ["trusted"]}
}

test_is_not_asked_for_a_list if {
	query := object.union(example.list_of([example.tool]), {"recent": {"customer_text_seconds": 1}})
	taint.deny == set() with input as query
}

test_denies_missing_input if taint.deny == set() with input as {}
