# METADATA
# title: Destructive tools
# description: Keeps what cannot be undone to the roles in config.destructive_roles.
package sidecar.rules.access.destructive

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.has_one_of

# METADATA
# title: Deny
# description: The tools that neither only read nor only write, unless the caller has such a role.
# custom:
#   code: access.destructive
#   message: "Tool %s is destructive, and the caller has no role that may destroy."
#   remedy: Leave it to a person, or call with a role that config.destructive_roles names.
#   related: [access.bulk, access.reserved]
deny contains {
	"tool": tool.name,
	"code": "access.destructive",
	"message": sprintf("Tool %s is destructive, and the caller has no role that may destroy.", [tool.name]),
	"remedy": "Leave it to a person, or call with a role that config.destructive_roles names.",
} if {
	some tool in tools
	not tool.effect in {"read", "write"}
	not has_one_of(settings.destructive_roles)
}
