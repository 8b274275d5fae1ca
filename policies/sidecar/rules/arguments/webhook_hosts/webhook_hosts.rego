# METADATA
# title: Webhook hosts
# description: |
#   Keeps the addresses that events are sent to, in the arguments of tools with the tag webhooks, to
#   https and to the hosts in config.webhook_hosts.
package sidecar.rules.arguments.webhook_hosts

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.is_list
import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools of a call with an address on another host, or with one that can be read in two ways.
# custom:
#   code: arguments.webhook_hosts
#   message: "Tool %s: the argument %s holds an address that this site does not send to."
#   remedy: Give a plain https address on a host that the operator named in config.webhook_hosts.
#   related: [access.bulk]
deny contains {
	"tool": tool.name,
	"code": "arguments.webhook_hosts",
	"message": sprintf("Tool %s: the argument %s holds an address that this site does not send to.", [tool.name, path[0]]),
	"remedy": "Give a plain https address on a host that the operator named in config.webhook_hosts.",
} if {
	not is_list
	some tool in tools
	"webhooks" in tool.tags
	not "**" in settings.webhook_hosts
	walk(input.arguments, [path, value])
	_is_address(path, value)
	not _is_listed(value)
}

_is_address(path, value) if {
	"url" in path
	not is_object(value)
	not is_array(value)
}

_is_address(_, value) if {
	is_string(value)
	regex.match(`://|^[ \t\r\n]*(https?:|[a-z]+:[/\\]|[/\\][/\\])`, lower(value))
}

# Without a user, a backslash or a number for a host, for which readers of addresses disagree.
_is_listed(value) if {
	is_string(value)
	regex.match(`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-\[\]-~]*)?$`, value)
	host := split(split(lower(value), "/")[2], ":")[0]
	some pattern in settings.webhook_hosts
	glob.match(pattern, ["."], host)
}
