# METADATA
# title: Masked values in arguments
# description: Keeps a mask from replacing the value it stands for, and from reaching a customer.
package sidecar.rules.arguments.masked_values

import data.sidecar.lib.findings.found
import data.sidecar.lib.pointer
import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools of a call with a mask in an argument that overwrites or goes out.
# custom:
#   code: arguments.masked_values
#   message: "Tool %s: the argument at %s holds a masked value, which would overwrite a real one or reach a customer."
#   remedy: Leave the masked part out, or ask a person to fill it in.
#   related: [arguments.personal_data]
deny contains {
	"tool": tool.name,
	"code": "arguments.masked_values",
	"message": sprintf("Tool %s: the argument at %s holds a masked value, which would overwrite a real one or reach a customer.", [tool.name, finding.pointer]),
	"remedy": "Leave the masked part out, or ask a person to fill it in.",
} if {
	some finding in found
	finding.entity == "MASK"
	some tool in tools
	not _is_additive(tool, finding)
}

# An argument that the catalog does not mention neither overwrites nor goes out.
_is_additive(tool, finding) if {
	marks := tool.arguments[pointer.argument(finding.pointer)]
	is_object(marks)
	object.get(marks, "overwrites", false) == false
	object.get(marks, "outbound", false) == false
}

# What the catalog does not know of a tool that only reads can neither overwrite nor go out.
_is_additive(tool, finding) if {
	tool.effect == "read"
	is_object(tool.arguments)
	argument := pointer.argument(finding.pointer)
	argument != ""
	not argument in object.keys(tool.arguments)
}
