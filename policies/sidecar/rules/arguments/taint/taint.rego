# METADATA
# title: Taint
# description: |
#   After a caller read text that a customer wrote, keeps it for config.tainted_minutes from tools
#   that delete, or that bear a tag in config.tainted_tags: the text may have told the agent to.
package sidecar.rules.arguments.taint

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.is_list
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.has_one_of

# METADATA
# title: Deny
# description: Such tools, unless the caller has a role in config.tainted_roles.
# custom:
#   code: arguments.taint
#   message: "Tool %s acts outside or destroys, and text that a customer wrote was read shortly before."
#   remedy: Let a person do it, or begin anew without reading what customers wrote.
#   related: [access.bulk, access.destructive]
deny contains {
	"tool": tool.name,
	"code": "arguments.taint",
	"message": sprintf("Tool %s acts outside or destroys, and text that a customer wrote was read shortly before.", [tool.name]),
	"remedy": "Let a person do it, or begin anew without reading what customers wrote.",
} if {
	is_number(input.recent.customer_text_seconds)
	input.recent.customer_text_seconds < settings.tainted_minutes * 60
	not is_list
	not has_one_of(settings.tainted_roles)
	some tool in tools
	_is_exit(tool)
}

_is_exit(tool) if tool.effect == "destructive"

_is_exit(tool) if {
	some tag in tool.tags
	tag in settings.tainted_tags
}
