package sidecar.tests.access.exits_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.exits

_exit := example.with_tool({"name": "prompts/get", "tags": ["exit"]})

test_denies_an_exit_that_nobody_named if example.named(exits.deny) == {"prompts/get"} with input as _exit

test_allows_an_exit_that_the_site_named if {
	exits.deny == set() with input as _exit
		with data.site.config as {"passed_methods": ["prompts/get"]}
}

test_denies_another_exit_than_the_one_named if {
	count(exits.deny) == 1 with input as _exit
		with data.site.config as {"passed_methods": ["prompts/list"]}
}

test_allows_tools if exits.deny == set() with input as example.call

test_denies_missing_input if exits.deny == set() with input as {}
