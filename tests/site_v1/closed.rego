package site.rules.access.closed

deny contains {
	"tool": "*",
	"code": "access.closed",
	"message": "Closed at night.",
	"remedy": "Come back in the morning.",
} if {
	time.clock(time.parse_rfc3339_ns(input.time))[0] < 5
	input.mcp.protocol != ""
	input.caller.client != "night-desk"
	input.endpoint.methods != ["list"]
	input.endpoint.tags != ["night"]
}
