# METADATA
# title: Query
# description: |
#   The input, checked once for every rule. What is not as policies/input.schema.json says is left
#   out or makes the whole unreadable, so that no rule meets a null or a wrong type.
package sidecar.lib.query

# METADATA
# title: Is list
# description: Whether tools are listed. Anything else is a call.
default is_list := false

is_list if input.mcp.method == "tools/list"

# METADATA
# title: Tools
# description: |
#   The tools asked about. None unless the input says who asks, where, and for what; a tool that
#   lacks its name, method, effect or tags is left out. What is not here is never allowed.
tools := [tool |
	input.version == 1
	is_string(input.mcp.method)
	is_array(input.caller.roles)
	is_array(input.endpoint.methods)
	is_array(input.endpoint.tags)
	is_array(input.tools)
	some tool in input.tools
	is_string(tool.name)
	is_string(tool.method)
	is_string(tool.effect)
	is_array(tool.tags)
]

# METADATA
# title: Roles
# description: The caller's roles.
roles := [role |
	is_array(input.caller.roles)
	some role in input.caller.roles
	is_string(role)
]
