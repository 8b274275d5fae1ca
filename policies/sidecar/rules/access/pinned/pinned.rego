# METADATA
# title: Pinned tools
# description: Holds back a tool that is no longer the one that was reviewed.
package sidecar.rules.access.pinned

import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools whose description or schema is not the reviewed one.
# custom:
#   code: access.pinned
#   message: "Tool %s has changed since it was reviewed."
#   remedy: Use another tool, or have this one reviewed and pinned again.
#   related: [access.unknown, access.unreviewed]
deny contains {
	"tool": tool.name,
	"code": "access.pinned",
	"message": sprintf("Tool %s has changed since it was reviewed.", [tool.name]),
	"remedy": "Use another tool, or have this one reviewed and pinned again.",
} if {
	some tool in tools
	not tool.pinned == true
}
