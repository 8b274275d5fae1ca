package site.rules.arguments.notes

import data.sidecar.lib.query.is_list
import data.sidecar.lib.query.tools

deny contains {
	"tool": tool.name,
	"code": "arguments.notes",
	"message": "A note names nobody, and is not written often.",
	"remedy": "Leave names out, or wait.",
} if {
	not is_list
	some tool in tools
	_is_refused(tool)
}

_is_refused(tool) if {
	some finding in input.findings
	finding.entity == "NAME"
	finding.length > 1
	startswith(finding.pointer, "/note")
	not "NAME" in tool.arguments.note.expected
}

_is_refused(tool) if {
	input.arguments.urgent == true
	tool.arguments.note.overwrites
	not tool.arguments.note.outbound
}

_is_refused(tool) if {
	tool.effect == "write"
	input.recent.window_seconds == 3600
	input.recent.calls >= input.recent.writes
	input.recent.writes > data.site.limits.writes
	input.recent.customers + input.recent.new_customers > 0
	not input.recent.opens_customers
	input.recent.customer_text_seconds == null
}
