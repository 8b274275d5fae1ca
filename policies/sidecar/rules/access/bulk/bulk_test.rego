package sidecar.tests.access.bulk_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.bulk

_query(tags, roles) := example.with_roles(example.with_tool({"tags": tags}), roles)

_site := {"bulk_roles": ["exporter"]}

test_allows_a_tool_for_single_records if bulk.deny == set() with input as _query(["customers"], [])

test_denies_each_bulk_tag_to_everybody_by_default if {
	every tag in data.sidecar.config.bulk_tags {
		example.named(bulk.deny) == {"read_one"} with input as _query(["customers", tag], ["admin", "exporter"])
	}
}

test_allows_a_bulk_tool_to_a_role_that_the_operator_names if {
	bulk.deny == set() with input as _query(["export"], ["exporter"]) with data.site.config as _site
}

test_denies_once_where_several_tags_match if count(bulk.deny) == 1 with input as _query(["export", "media"], [])

test_denies_the_operators_own_bulk_tags if {
	count(bulk.deny) == 1 with input as _query(["customers"], [])
		with data.site.config as {"bulk_tags": ["customers"]}
}

test_denies_missing_input if bulk.deny == set() with input as {}
