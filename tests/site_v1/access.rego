package site.rules.access.contractors

import data.sidecar.lib.query.roles
import data.sidecar.lib.query.tools
import data.site.lib.shared

deny contains {
	"tool": tool.name,
	"code": "access.contractors",
	"message": sprintf("Tool %s changes something, which contractors leave to staff.", [tool.name]),
	"remedy": "Ask a member of staff to do it.",
} if {
	"contractor" in roles
	some tool in tools
	tool.effect != "read"
	not shared.is_sandbox
}

grant contains {"tool": tool.name, "code": "access.contractors"} if {
	shared.is_staff
	some tool in tools
	tool.known
	tool.method == "custom"
	"customers" in tool.tags
}
