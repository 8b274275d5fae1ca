# METADATA
# title: Hours
# description: Keeps the tools of each row of config.open_hours to the weekdays and hours that the row names.
package sidecar.rules.access.open_hours

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.is_about

# METADATA
# title: Deny
# description: The tools of a row, outside its hours.
# custom:
#   code: access.open_hours
#   message: "Tool %s is not to be used at this hour."
#   remedy: Wait for the hours that config.open_hours names.
#   related: [access.denied, access.reserved]
deny contains {
	"tool": tool.name,
	"code": "access.open_hours",
	"message": sprintf("Tool %s is not to be used at this hour.", [tool.name]),
	"remedy": "Wait for the hours that config.open_hours names.",
} if {
	some row in settings.open_hours
	not _is_open(row)
	some tool in tools
	is_about(row, tool)
}

_is_open(row) if {
	# What is no time would be an error and not a denial.
	is_string(input.time)
	regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$`, input.time)
	now := time.parse_rfc3339_ns(input.time) + (object.get(row, "utc_offset_minutes", 0) * 60000000000)
	[from, to] := row.open[time.weekday(now)]
	[hour, _, _] := time.clock(now)
	from <= hour
	hour < to
}
