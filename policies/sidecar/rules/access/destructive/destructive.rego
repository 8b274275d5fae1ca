# METADATA
# title: Destructive tools
# description: Keeps what cannot be undone to the roles in config.destructive_roles.
package sidecar.rules.access.destructive

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.roles
import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools that neither only read nor only write, unless the caller has such a role.
# custom:
#   code: access.destructive
#   message: "Tool %s is destructive, and the caller has no role that may destroy."
#   remedy: Leave it to a person, or call with a role that config.destructive_roles names.
deny contains {
	"tool": tool.name,
	"code": "access.destructive",
	"message": sprintf("Tool %s is destructive, and the caller has no role that may destroy.", [tool.name]),
	"remedy": "Leave it to a person, or call with a role that config.destructive_roles names.",
} if {
	some tool in tools
	not tool.effect in {"read", "write"}
	not _is_trusted
}

_is_trusted if {
	some role in settings.destructive_roles
	role in roles
}
