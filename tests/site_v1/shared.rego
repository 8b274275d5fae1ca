package site.lib.shared

is_staff if {
	input.caller.authenticated
	input.caller.issuer == "https://issuer.example"
	"mcp" in input.caller.scopes
	input.caller.claims.team == "support"
	not input.caller.subject in {"", input.caller.on_behalf_of}
}

is_sandbox if {
	input.endpoint.account == "sandbox"
	input.endpoint.require_api_token_auth
	input.endpoint.expires_at != null
	input.endpoint.name != ""
}
