package sidecar.main_test

import data.sidecar.example_test as example
import data.sidecar.main

_nothing := {"version": 1, "tools": {}}

_denial := {"tool": "read_one", "code": "access.hours", "message": "Closed.", "remedy": "Come back."}

_by_site(group, kind, results) := {group: {"hours": {kind: results}}}

_actions_on(tool, entity) := {mask.action | some mask in tool.masks; mask.entity == entity}

test_allows_a_tool_with_a_grant_and_no_denial if {
	tool := main.decision.tools.read_one with input as example.call
	tool.allow == true
	tool.grants == ["access.methods"]
	tool.denials == []
}

test_denies_a_tool_with_a_grant_and_a_denial if {
	tool := main.decision.tools.read_one with input as example.with_tool({"known": false})
	tool.allow == false
	tool.grants == ["access.methods"]
	tool.denials == [{
		"group": "access",
		"code": "access.unknown",
		"message": "Tool read_one is not in the tool catalog.",
		"remedy": "Use a listed tool, or have this one reviewed and added to the catalog.",
	}]
}

test_denies_missing_input if {
	main.decision == _nothing with input as {}
	main.decision == _nothing with input as null
	main.decision == _nothing with input as []
}

test_denies_an_input_that_lacks_a_part if {
	every part in ["version", "tools", "mcp", "caller", "endpoint", "arguments", "findings"] {
		main.decision == _nothing with input as object.remove(example.call, [part])
		main.decision == _nothing with input as example.with_changes({part: null})
	}
}

test_denies_everything_without_the_librarys_data if {
	main.decision == _nothing with input as example.call with data.sidecar.config as {}
}

test_arguments_rules_deny_calls if {
	query := example.with_changes({"findings": [{"entity": "CARD", "pointer": "/q", "length": 16}]})
	tool := main.decision.tools.read_one with input as query
	tool.allow == false
	[denial.group | some denial in tool.denials] == ["arguments"]
}

_allowed_despite_arguments_rules(query) if {
	main.decision.tools.read_one.allow with input as query
		with data.site.rules as _by_site("arguments", "deny", {_denial})
}

test_arguments_rules_do_not_deny_lists if {
	_allowed_despite_arguments_rules(example.list_of([example.tool]))
	not _allowed_despite_arguments_rules(example.call)
}

test_judges_each_tool_of_a_list if {
	gone := object.union(example.tool, {"name": "delete_one", "method": "delete", "effect": "destructive"})
	tools := main.decision.tools with input as example.list_of([example.tool, gone])
	tools.read_one.allow == true
	tools.delete_one.allow == false
	[denial.code | some denial in tools.delete_one.denials] == ["access.destructive", "access.methods"]
}

test_one_denial_of_two_tools_of_the_same_name_denies_both if {
	query := example.list_of([example.tool, object.union(example.tool, {"known": false})])
	main.decision.tools.read_one.allow == false with input as query
}

test_a_site_rule_denies if {
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("access", "deny", {_denial})
	tool.allow == false
	[denial.code | some denial in tool.denials] == ["access.hours"]
}

test_a_site_rule_denies_every_tool_at_once if {
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("access", "deny", {object.union(_denial, {"tool": "*"})})
	tool.allow == false
}

test_a_site_rule_grants_but_overrules_no_denial if {
	rules := _by_site("access", "grant", {{"tool": "read_one", "code": "access.hours"}})
	tool := main.decision.tools.read_one with input as example.with_tool({"method": "delete"}) with data.site.rules as rules
	tool.grants == ["access.hours"]
	tool.allow == false
	both := main.decision.tools.read_one with input as example.call with data.site.rules as rules
	both.grants == ["access.hours", "access.methods"]
}

test_a_grant_of_every_tool_is_a_grant_of_none if {
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("access", "grant", {{"tool": "*", "code": "access.hours"}})
	tool.grants == ["access.methods"]
}

test_an_unreadable_site_rule_denies_everything if {
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("access", "deny", true)
	tool.allow == false
	[denial.message | some denial in tool.denials] == ["Rule access.hours of this site cannot be read."]
}

test_masks_every_entity_of_every_tool if {
	second := object.union(example.tool, {"name": "read_two"})
	tools := main.decision.tools with input as example.list_of([example.tool, second])
	every tool in tools {
		{mask.entity: mask.action | some mask in tool.masks} == data.sidecar.config.masks
	}
}

test_a_site_mask_of_one_tool_is_added_to_the_librarys if {
	second := object.union(example.tool, {"name": "read_two"})
	mask := {"tool": "read_two", "code": "masks.hours", "entity": "EMAIL", "action": "drop"}
	tools := main.decision.tools with input as example.list_of([example.tool, second])
		with data.site.rules as _by_site("masks", "mask", {mask})
	_actions_on(tools.read_one, "EMAIL") == {"mask"}
	_actions_on(tools.read_two, "EMAIL") == {"mask", "drop"}
	object.remove(mask, ["tool"]) in tools.read_two.masks
}

test_a_site_mask_takes_none_of_the_librarys_away if {
	mask := {"tool": "*", "code": "masks.hours", "entity": "EMAIL", "action": "keep"}
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("masks", "mask", {mask})
	_actions_on(tool, "EMAIL") == {"mask", "keep"}
}

test_a_site_mask_can_name_a_pointer if {
	mask := {"tool": "*", "code": "masks.hours", "pointer": "/notes/*", "action": "drop"}
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("masks", "mask", {mask})
	object.remove(mask, ["tool"]) in tool.masks
	count(tool.masks) == count(data.sidecar.config.masks) + 1
}

test_what_the_rules_give_is_said_as_they_give_it if {
	gone := object.union(example.tool, {"name": "delete_one", "method": "delete"})
	said := main.said with input as example.list_of([example.tool, gone])
	said.grants == [{"tool": "read_one", "code": "access.methods"}]
	{[denial.tool, denial.group, denial.code] | some denial in said.denials} == {["delete_one", "access", "access.methods"]}
	example.named(said.masks) == {"*"}
}

test_of_what_cannot_be_read_nothing_is_said if {
	main.said == {"version": 1, "grants": [], "denials": [], "masks": []} with input as {}
}

_in_shadow(names) := object.union(data.sidecar.config, {"shadow_rules": names})

test_a_site_rule_in_shadow_has_no_say if {
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("access", "deny", {_denial})
		with data.site.config as {"shadow_rules": ["access.hours"]}
	tool.allow == true
	tool.denials == []
}

test_a_rule_of_the_library_in_shadow_has_no_say if {
	query := example.with_tool({"known": false})
	main.decision.tools.read_one.allow with input as query with data.sidecar.config as _in_shadow(["access.unknown"])
	not main.decision.tools.read_one.allow with input as query with data.sidecar.config as _in_shadow(["access.tags"])
}

test_a_grant_in_shadow_grants_nothing if {
	config := _in_shadow(["access.methods"])
	not main.decision.tools.read_one.allow with input as example.call with data.sidecar.config as config
}

test_a_mask_in_shadow_masks_nothing if {
	tool := main.decision.tools.read_one with input as example.call
		with data.sidecar.config as _in_shadow(["masks.default"])
	tool.masks == []
	tool.allow == true
}

test_an_unreadable_rule_in_shadow_denies_nothing if {
	tool := main.decision.tools.read_one with input as example.call
		with data.site.rules as _by_site("access", "deny", true)
		with data.site.config as {"shadow_rules": ["access.hours"]}
	tool.allow == true
	tool.denials == []
}
