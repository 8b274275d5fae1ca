# METADATA
# title: Denied
# description: |
#   The switch that turns tools off at once, for whom and where a row of config.denied says: a tool, an
#   effect, an endpoint, a caller. No role lifts it.
package sidecar.rules.access.denied

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.is_about
import data.sidecar.lib.selection.is_for

# METADATA
# title: Deny
# description: The tools that a row is about, where it is for the caller and the endpoint.
# custom:
#   code: access.denied
#   message: "Tool %s is switched off here, or for this caller."
#   remedy: Wait until the operator switches it on again.
#   related: [access.open_hours, access.reserved]
deny contains {
	"tool": tool.name,
	"code": "access.denied",
	"message": sprintf("Tool %s is switched off here, or for this caller.", [tool.name]),
	"remedy": "Wait until the operator switches it on again.",
} if {
	some row in settings.denied
	is_for(row)
	some tool in tools
	is_about(row, tool)
}
