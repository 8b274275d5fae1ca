package site.rules.masks.strict

import data.sidecar.lib.query.tools

mask contains {"tool": "*", "code": "masks.strict", "entity": "NAME", "action": "drop"} if {
	input.caller.purpose == "export"
}

mask contains {"tool": tool.name, "code": "masks.strict", "pointer": "/notes", "action": "mask"} if {
	some tool in tools
	tool.customer_text != []
	"EMAIL" in tool.pii
	tool.pinned
}
