# METADATA
# title: Unknown tools
# description: Holds back a tool that nobody reviewed, for nobody knows what it does.
package sidecar.rules.access.unknown

import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools that the catalog does not know.
# custom:
#   code: access.unknown
#   message: "Tool %s is not in the tool catalog."
#   remedy: Use a listed tool, or have this one reviewed and added to the catalog.
#   related: [access.pinned, access.unreviewed]
deny contains {
	"tool": tool.name,
	"code": "access.unknown",
	"message": sprintf("Tool %s is not in the tool catalog.", [tool.name]),
	"remedy": "Use a listed tool, or have this one reviewed and added to the catalog.",
} if {
	some tool in tools
	not tool.known == true
}
