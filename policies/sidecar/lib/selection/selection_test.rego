package sidecar.lib.selection_test

import data.sidecar.example_test as example
import data.sidecar.lib.selection

test_a_row_without_members_is_about_every_tool_and_for_every_caller if {
	selection.is_about({}, example.tool)
	selection.is_for({}) with input as example.call
}

test_a_row_is_about_a_tool_that_all_its_members_fit if {
	selection.is_about({"tools": ["read_one"], "tags": ["x", "customers"], "effects": ["read"]}, example.tool)
	every member in [{"tools": ["read"]}, {"tags": ["x"]}, {"effects": ["write"]}] {
		not selection.is_about(object.union({"tools": ["read_one"], "tags": ["customers"]}, member), example.tool)
	}
}

_caller := example.with_changes({"caller": {"roles": ["lead", null], "client": "desk", "purpose": "support"}})

_all := {
	"issuers": ["https://issuer.example"],
	"subjects": ["agent-1"],
	"endpoints": ["support"],
	"accounts": ["sandbox", ""],
}

test_a_row_is_for_a_caller_whom_all_its_members_fit if {
	every row in [{"roles": ["lead"]}, {"clients": ["desk"]}, {"purposes": ["support"], "roles": ["x", "lead"]}, _all] {
		selection.is_for(row) with input as _caller
	}
	every row in [{"roles": ["x"]}, {"roles": ["lead"], "clients": ["x"]}, {"purposes": ["x"]}, object.union(_all, {"accounts": ["x"]})] {
		not selection.is_for(row) with input as _caller
	}
}

test_an_empty_list_fits_nothing if {
	every member in ["tools", "tags", "effects"] {
		not selection.is_about({member: []}, example.tool)
	}
	every member in ["roles", "purposes", "clients", "subjects", "issuers", "endpoints", "accounts"] {
		not selection.is_for({member: []}) with input as _caller
	}
}

test_nobody_is_one_of_these_callers_where_nobody_says_who_asks if {
	every row in [{"roles": ["a"]}, {"clients": ["a"]}, {"purposes": ["a"]}, {"accounts": [""]}] {
		not selection.is_for(row) with input as {}
	}
}

test_a_caller_has_one_of_these_roles_or_none if {
	selection.has_one_of(["x", "lead"]) with input as _caller
	every names in [[], ["x"], [null], ["lea"]] {
		not selection.has_one_of(names) with input as _caller
	}
}
