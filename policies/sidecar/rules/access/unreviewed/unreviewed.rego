# METADATA
# title: Unreviewed tools
# description: Keeps everybody from tools whose row in the catalog was proposed and not yet reviewed.
package sidecar.rules.access.unreviewed

import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools with the tag unreviewed.
# custom:
#   code: access.unreviewed
#   message: "Tool %s was proposed for the tool catalog, and nobody has reviewed it."
#   remedy: Use another tool, or have this one's row in the catalog reviewed.
#   related: [access.pinned, access.unknown]
deny contains {
	"tool": tool.name,
	"code": "access.unreviewed",
	"message": sprintf("Tool %s was proposed for the tool catalog, and nobody has reviewed it.", [tool.name]),
	"remedy": "Use another tool, or have this one's row in the catalog reviewed.",
} if {
	some tool in tools
	"unreviewed" in tool.tags
}
