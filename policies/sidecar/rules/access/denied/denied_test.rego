package sidecar.tests.access.denied_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.denied

test_denies_nothing_by_default if denied.deny == set() with input as example.with_tool({"effect": "destructive"})

test_denies_a_tool_by_its_name_alone if {
	tools := [example.tool, object.union(example.tool, {"name": "read_two"})]
	example.named(denied.deny) == {"read_two"} with input as example.list_of(tools)
		with data.site.config as {"denied": [{"tools": ["read_two"]}]}
}

test_denies_everything_that_writes if {
	site := {"denied": [{"effects": ["write", "destructive"]}]}
	denied.deny == set() with input as example.call with data.site.config as site
	every effect in ["write", "destructive"] {
		count(denied.deny) == 1 with input as example.with_tool({"effect": effect}) with data.site.config as site
	}
}

test_denies_every_tool_of_an_endpoint if {
	count(denied.deny) == 1 with input as example.call with data.site.config as {"denied": [{"endpoints": ["support"]}]}
	denied.deny == set() with input as example.call with data.site.config as {"denied": [{"endpoints": ["sales"]}]}
}

test_denies_a_caller_whom_a_row_names if {
	every row in [{"clients": ["client-1"]}, {"issuers": ["https://issuer.example"], "subjects": ["agent-1"]}] {
		count(denied.deny) == 1 with input as example.call
			with data.site.config as {"denied": [{"clients": ["x"]}, row]}
	}
}

test_allows_a_caller_whom_a_row_names_only_in_part if {
	row := {"issuers": ["https://other.example"], "subjects": ["agent-1"]}
	denied.deny == set() with input as example.call with data.site.config as {"denied": [row]}
}

test_denies_missing_input if denied.deny == set() with input as {}
