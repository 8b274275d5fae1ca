package sidecar.tests.arguments.customer_budget_test

import data.sidecar.example_test as example
import data.sidecar.rules.arguments.customer_budget

_past(customers, new, opens) := example.with_changes({"recent": {
	"customers": customers,
	"new_customers": new,
	"opens_customers": opens,
}})

_three := {"customers_per_hour": 3}

test_allows_customers_within_the_budget if {
	customer_budget.deny == set() with input as _past(2, 1, false) with data.site.config as _three
}

test_denies_one_customer_too_many if {
	{denial.message | some denial in customer_budget.deny} == {concat("", [
		"Tool read_one: the data of 3 customers was asked for within an hour, ",
		"and no more are allowed.",
	])} with input as _past(3, 1, false) with data.site.config as _three
}

test_denies_several_customers_at_once if {
	count(customer_budget.deny) == 1 with input as _past(2, 2, false) with data.site.config as _three
}

test_allows_customers_that_were_seen_already if {
	customer_budget.deny == set() with input as _past(3, 0, false) with data.site.config as _three
}

test_denies_a_search_once_the_budget_is_spent if {
	count(customer_budget.deny) == 1 with input as _past(3, 0, true) with data.site.config as _three
	customer_budget.deny == set() with input as _past(2, 0, true) with data.site.config as _three
}

test_a_budget_of_nothing_is_no_limit if {
	customer_budget.deny == set() with input as _past(9000, 9, true)
		with data.site.config as {"customers_per_hour": 0}
}

test_has_a_budget_by_default if count(customer_budget.deny) == 1 with input as _past(9000, 1, false)

test_is_not_asked_for_a_list if {
	query := object.union(example.list_of([example.tool]), {"recent": {"customers": 9000, "new_customers": 1}})
	customer_budget.deny == set() with input as query
}

test_denies_missing_input if customer_budget.deny == set() with input as {}
