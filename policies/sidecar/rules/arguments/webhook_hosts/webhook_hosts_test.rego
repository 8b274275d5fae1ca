package sidecar.tests.arguments.webhook_hosts_test

import data.sidecar.example_test as example
import data.sidecar.rules.arguments.webhook_hosts

_site := {"webhook_hosts": ["hooks.example.com", "*.our.example"]}

_with(arguments) := object.union(example.with_tool({"tags": ["admin", "webhooks"]}), {"arguments": arguments})

test_allows_every_address_by_default if {
	webhook_hosts.deny == set() with input as _with({"url": "http://anywhere.example"})
}

test_allows_hosts_that_the_operator_names if {
	every url in [
		"https://hooks.example.com",
		"https://hooks.example.com/a/b?c=d@e#f",
		"https://HOOKS.example.com:8443/",
		"https://a.our.example/x",
	] {
		webhook_hosts.deny == set() with input as _with({"url": url}) with data.site.config as _site
	}
}

test_denies_other_hosts_and_says_in_which_argument if {
	{denial.message | some denial in webhook_hosts.deny} == {concat("", [
		"Tool read_one: the argument url ",
		"holds an address that this site does not send to.",
	])} with input as _with({"url": "https://evil.example/x"}) with data.site.config as _site
}

test_denies_what_readers_of_addresses_disagree_about if {
	every url in [
		"http://hooks.example.com/",
		"https://hooks.example.com@evil.example/",
		"https://evil.example\\@hooks.example.com/",
		"https://evil.example#hooks.example.com",
		"https://hooks.example.com:443:80/",
		"https://hooks.example.com.evil.example/",
		"https://a.b.our.example/",
		" https://hooks.example.com/",
		"https://hooks.example.com/\n",
		"//hooks.example.com/",
		"hooks.example.com",
		"",
		null,
		1,
		["https://evil.example/"],
		{"href": "evil.example"},
	] {
		example.named(webhook_hosts.deny) == {"read_one"} with input as _with({"url": url}) with data.site.config as _site
	}
}

test_denies_an_address_in_any_argument_at_any_depth if {
	every arguments in [
		{"target": "ftp://evil.example"},
		{"headers": {"x": ["see https://evil.example/"]}},
		{"webhook": {"url": "https:/evil.example/x"}},
		{"webhook": {"url": "evil.example"}},
		{"target": "HTTPS:\\\\evil.example"},
		{"target": " //evil.example"},
		{"target": "\\\\evil.example"},
	] {
		count(webhook_hosts.deny) == 1 with input as _with(arguments) with data.site.config as _site
	}
}

test_allows_arguments_that_are_no_address if {
	arguments := {"name": "hook: /a", "path": "/a", "events": ["TASK/CREATED"], "enabled": true, "url": "https://x.our.example"}
	webhook_hosts.deny == set() with input as _with(arguments) with data.site.config as _site
}

test_denies_every_address_where_no_host_is_named if {
	count(webhook_hosts.deny) == 1 with input as _with({"url": "https://a.example"})
		with data.site.config as {"webhook_hosts": []}
}

test_allows_addresses_in_other_tools if {
	query := example.with_changes({"arguments": {"url": "https://evil.example/"}})
	webhook_hosts.deny == set() with input as query with data.site.config as _site
}

test_is_not_asked_for_a_list if {
	tool := object.union(example.tool, {"tags": ["webhooks"]})
	query := object.union(example.list_of([tool]), {"arguments": {"url": "https://evil.example"}})
	webhook_hosts.deny == set() with input as query with data.site.config as _site
}

test_denies_missing_input if webhook_hosts.deny == set() with input as {}
