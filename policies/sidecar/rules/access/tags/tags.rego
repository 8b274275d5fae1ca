# METADATA
# title: Tags
# description: Keeps an endpoint that names tags to the tools that bear one of them.
package sidecar.rules.access.tags

import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools without any of the endpoint's tags, when it names some.
# custom:
#   code: access.tags
#   message: "Tool %s bears none of this endpoint's tags."
#   remedy: Use a listed tool, or ask for an endpoint that names one of this tool's tags.
#   related: [access.methods]
deny contains {
	"tool": tool.name,
	"code": "access.tags",
	"message": sprintf("Tool %s bears none of this endpoint's tags.", [tool.name]),
	"remedy": "Use a listed tool, or ask for an endpoint that names one of this tool's tags.",
} if {
	some tool in tools
	count(input.endpoint.tags) > 0
	not _is_tagged(tool)
}

_is_tagged(tool) if {
	some tag in tool.tags
	is_string(tag)
	tag in input.endpoint.tags
}
