# METADATA
# title: Personal data in arguments
# description: |
#   Refuses arguments that hold an entity in config.refused_in_arguments, unless the catalog or
#   config.expected_in_arguments says that the argument expects it.
package sidecar.rules.arguments.personal_data

import data.sidecar.lib.config.settings
import data.sidecar.lib.findings.found
import data.sidecar.lib.pointer
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.is_about

# METADATA
# title: Deny
# description: The tools of a call with such a finding.
# custom:
#   code: arguments.personal_data
#   message: "Tool %s: the argument at %s holds a %s, which does not belong there."
#   remedy: Leave the value out, or put it into the argument that is meant for it.
#   related: [arguments.masked_values]
deny contains {
	"tool": tool.name,
	"code": "arguments.personal_data",
	"message": sprintf("Tool %s: the argument at %s holds a %s, which does not belong there.", [tool.name, finding.pointer, finding.entity]),
	"remedy": "Leave the value out, or put it into the argument that is meant for it.",
} if {
	some finding in found
	finding.entity in settings.refused_in_arguments
	some tool in tools
	not _is_expected(tool, finding)
}

# The catalog says it, or else the operator.
_is_expected(tool, finding) if {
	expected := tool.arguments[pointer.argument(finding.pointer)].expected
	is_array(expected)
	finding.entity in expected
}

_is_expected(tool, finding) if {
	some row in settings.expected_in_arguments
	finding.entity in row.entities
	row.argument == pointer.argument(finding.pointer)
	is_about(row, tool)
}
