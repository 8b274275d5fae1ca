# METADATA
# title: Methods
# description: |
#   Keeps an endpoint to the methods it offers: the one rule of the library that grants. The groups
#   read and write stand for several methods. An endpoint that names none offers
#   config.default_methods.
package sidecar.rules.access.methods

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.tools

# METADATA
# title: Grant
# description: The tools whose method is offered.
# custom:
#   code: access.methods
grant contains {"tool": tool.name, "code": "access.methods"} if {
	some tool in tools
	tool.method in _offered
}

# METADATA
# title: Deny
# description: All other tools.
# custom:
#   code: access.methods
#   message: "Tool %s has a method that this endpoint does not offer."
#   remedy: "Use a tool with another method, or ask for an endpoint that offers this one."
#   related: [access.exits, access.tags]
deny contains {
	"tool": tool.name,
	"code": "access.methods",
	"message": sprintf("Tool %s has a method that this endpoint does not offer.", [tool.name]),
	"remedy": "Use a tool with another method, or ask for an endpoint that offers this one.",
} if {
	some tool in tools
	not tool.method in _offered
}

_offered := {method |
	some name in _named
	some method in _groups[name]
}

_named := input.endpoint.methods if {
	input.endpoint.methods != []
} else := settings.default_methods

_groups := {
	"read": ["list", "get"],
	"write": ["create", "update", "delete"],
	"list": ["list"],
	"get": ["get"],
	"create": ["create"],
	"update": ["update"],
	"delete": ["delete"],
	"custom": ["custom"],
}
