# METADATA
# title: Reserved values
# description: |
#   Keeps the values that a row of config.reserved_values names in an argument, such as the state of
#   a closed conversation, to the callers, endpoints and backend accounts that the row names.
package sidecar.rules.arguments.reserved_values

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.is_list
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.is_about
import data.sidecar.lib.selection.is_for

# METADATA
# title: Deny
# description: The tools of a call with such a value in the argument or below it, for everybody else.
# custom:
#   code: arguments.reserved_values
#   message: "Tool %s: the argument %s holds a value that is reserved for other callers, endpoints or accounts."
#   remedy: Use another value, or leave it to a person.
#   related: [access.reserved]
deny contains {
	"tool": tool.name,
	"code": "arguments.reserved_values",
	"message": sprintf("Tool %s: the argument %s holds a value that is reserved for other callers, endpoints or accounts.", [tool.name, row.argument]),
	"remedy": "Use another value, or leave it to a person.",
} if {
	some row in settings.reserved_values
	not is_list
	not is_for(row)
	some tool in tools
	is_about(row, tool)
	walk(input.arguments[row.argument], [_, value])
	_plain(value) in {_plain(reserved) | some reserved in row.values}
}

# Backends are free with case, with spaces, and with a truth in quotes.
# However it is written: in any case, as a text or not, and with what nobody sees in it.
_plain(value) := _seen(lower(trim_space(value))) if {
	is_string(value)
} else := json.marshal(value) if {
	is_boolean(value)
} else := format_int(value, 10) if {
	is_number(value)
} else := value

_seen(text) := ascii if {
	ascii := regex.replace(text, `[^!-~]`, "")
	ascii != ""
} else := text
