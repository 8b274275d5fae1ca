package sidecar.tests.access.reserved_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.reserved

_site := {"reserved_tools": [{"tags": ["outbound"], "roles": ["desk"], "purposes": ["support"]}]}

_send(role, purpose) := object.union(
	example.with_tool({"tags": ["outbound"]}),
	{"caller": {"roles": [role], "purpose": purpose}},
)

test_reserves_nothing_by_default if reserved.deny == set() with input as _send("x", "")

test_allows_those_whom_the_row_names if {
	reserved.deny == set() with input as _send("desk", "support") with data.site.config as _site
}

test_denies_everybody_else if {
	every query in [_send("desk", ""), _send("x", "support"), _send(null, "support"), _send("desk", null)] {
		example.named(reserved.deny) == {"read_one"} with input as query with data.site.config as _site
	}
}

test_keeps_what_writes_to_the_accounts_that_the_row_names if {
	site := {"reserved_tools": [{"effects": ["write", "destructive"], "accounts": ["sandbox"]}]}
	query := example.with_tool({"effect": "write"})
	reserved.deny == set() with input as object.union(query, {"endpoint": {"account": "sandbox"}}) with data.site.config as site
	count(reserved.deny) == 1 with input as query with data.site.config as site
	reserved.deny == set() with input as example.call with data.site.config as site
}

test_allows_what_the_row_is_not_about if reserved.deny == set() with input as example.call with data.site.config as _site

test_denies_missing_input if reserved.deny == set() with input as {}
