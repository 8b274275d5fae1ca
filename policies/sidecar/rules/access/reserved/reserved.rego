# METADATA
# title: Reserved tools
# description: |
#   Keeps the tools of each row of config.reserved_tools, such as what is sent to customers or changes
#   production, to the callers, endpoints and backend accounts that the row names.
package sidecar.rules.access.reserved

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.is_about
import data.sidecar.lib.selection.is_for

# METADATA
# title: Deny
# description: The tools of a row, for everybody else.
# custom:
#   code: access.reserved
#   message: "Tool %s is reserved for other callers, endpoints or accounts."
#   remedy: Leave it to a person, or call as and where config.reserved_tools says.
#   related: [access.bulk, access.destructive, arguments.reserved_values]
deny contains {
	"tool": tool.name,
	"code": "access.reserved",
	"message": sprintf("Tool %s is reserved for other callers, endpoints or accounts.", [tool.name]),
	"remedy": "Leave it to a person, or call as and where config.reserved_tools says.",
} if {
	some row in settings.reserved_tools
	not is_for(row)
	some tool in tools
	is_about(row, tool)
}
