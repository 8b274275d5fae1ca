package sidecar.tests.access.destructive_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.destructive

_query(effect, roles) := example.with_roles(example.with_tool({"effect": effect}), roles)

_site := {"destructive_roles": ["undertaker"]}

test_allows_what_reads_or_writes if {
	every effect in ["read", "write"] {
		destructive.deny == set() with input as _query(effect, [])
	}
}

test_denies_what_destroys_to_everybody_by_default if {
	example.named(destructive.deny) == {"read_one"} with input as _query("destructive", ["admin", "undertaker"])
}

test_allows_what_destroys_to_a_role_that_the_operator_names if {
	destructive.deny == set() with input as _query("destructive", ["undertaker"])
		with data.site.config as _site
}

test_denies_what_destroys_to_other_roles if {
	count(destructive.deny) == 1 with input as _query("destructive", ["clerk"])
		with data.site.config as _site
}

test_denies_an_effect_that_it_does_not_know if {
	every effect in ["", "reads", "Read"] {
		count(destructive.deny) == 1 with input as _query(effect, [])
	}
}

test_denies_missing_input if destructive.deny == set() with input as {}
