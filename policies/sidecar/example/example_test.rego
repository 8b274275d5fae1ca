# METADATA
# title: Example
# description: A readable call of a known, reviewed, reading tool, for the tests to change.
package sidecar.example_test

tool := {
	"name": "read_one",
	"known": true,
	"method": "get",
	"effect": "read",
	"tags": ["customers"],
	"pii": ["EMAIL"],
	"customer_text": [],
	"pinned": true,
	"arguments": {},
}

call := {
	"version": 1,
	"tools": [tool],
	"mcp": {"method": "tools/call", "protocol": "2025-06-18"},
	"arguments": {},
	"findings": [],
	"caller": {
		"issuer": "https://issuer.example",
		"subject": "agent-1",
		"client": "client-1",
		"scopes": [],
		"roles": [],
		"claims": {},
		"authenticated": true,
		"on_behalf_of": "",
		"purpose": "",
	},
	"endpoint": {
		"name": "support",
		"methods": ["read"],
		"tags": [],
		"require_api_token_auth": true,
		"expires_at": null,
		"account": "",
	},
	"recent": {},
	"time": "2026-01-01T00:00:00Z",
}

# The call, with these members changed.
with_changes(changes) := object.union(call, changes)

# The call of the tool, with these members of the tool changed.
with_tool(changes) := object.union(call, {"tools": [object.union(tool, changes)]})

# The call as a list of these tools: without arguments and findings.
list_of(tools) := object.union(object.remove(call, ["arguments", "findings"]), {
	"mcp": {"method": "tools/list"},
	"tools": tools,
})

with_roles(base, roles) := object.union(base, {"caller": {"roles": roles}})

# The tools that a rule's set is about.
named(results) := {result.tool | some result in results}

test_the_example_is_allowed if data.sidecar.main.decision.tools.read_one.allow with input as call

test_the_example_is_allowed_in_a_list if {
	data.sidecar.main.decision.tools.read_one.allow with input as list_of([tool])
}
