package sidecar.tests.access.methods_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.methods

_offering(names, method) := object.union(example.with_tool({"method": method}), {"endpoint": {"methods": names}})

_granted(names) := {method |
	some method in ["list", "get", "create", "update", "delete", "custom"]
	count(methods.grant) == 1 with input as _offering(names, method)
	count(methods.deny) == 0 with input as _offering(names, method)
}

_denied(names) := {method |
	some method in ["list", "get", "create", "update", "delete", "custom"]
	count(methods.deny) == 1 with input as _offering(names, method)
	count(methods.grant) == 0 with input as _offering(names, method)
}

test_allows_the_methods_of_the_group_read if _granted(["read"]) == {"list", "get"}

test_allows_the_methods_of_the_group_write if _granted(["write"]) == {"create", "update", "delete"}

test_allows_methods_by_their_own_names if _granted(["read", "create", "custom"]) == {"list", "get", "create", "custom"}

test_denies_all_other_methods if _denied(["read"]) == {"create", "update", "delete", "custom"}

test_denies_every_method_when_the_endpoint_names_only_unknown_ones if count(_denied(["reed", null, 1])) == 6

test_allows_the_default_methods_when_the_endpoint_names_none if _granted([]) == {"list", "get"}

test_allows_the_operators_default_methods if {
	_granted([]) == {"delete"} with data.site.config as {"default_methods": ["delete"]}
}

test_grants_no_tool_without_a_method if {
	every method in [null, "", "reads", ["get"]] {
		methods.grant == set() with input as _offering(["read"], method)
	}
	methods.grant == set() with input as example.list_of([object.remove(example.tool, ["method"])])
}

test_judges_each_tool_of_a_list if {
	tools := [example.tool, object.union(example.tool, {"name": "delete_one", "method": "delete"})]
	example.named(methods.grant) == {"read_one"} with input as example.list_of(tools)
	example.named(methods.deny) == {"delete_one"} with input as example.list_of(tools)
}

test_denies_missing_input if methods.grant == set() with input as {}
