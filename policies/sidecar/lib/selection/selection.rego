# METADATA
# title: Selection
# description: |
#   Which tools a row of the configuration is about, and whom and where it is for. A member that the
#   row leaves out restricts nothing; an empty list fits nothing.
package sidecar.lib.selection

import data.sidecar.lib.query.roles

# METADATA
# title: Is about
# description: Whether the tool is one of the row's tools, has one of its effects and bears one of its tags.
is_about(row, tool) if {
	_fits(row, "tools", [tool.name])
	_fits(row, "effects", [tool.effect])
	_fits(row, "tags", tool.tags)
}

# METADATA
# title: Is for
# description: Whether the caller and the endpoint fit every member of the row that names such.
is_for(row) if {
	_fits(row, "roles", roles)
	_fits(row, "purposes", [input.caller.purpose])
	_fits(row, "clients", [input.caller.client])
	_fits(row, "subjects", [input.caller.subject])
	_fits(row, "issuers", [input.caller.issuer])
	_fits(row, "endpoints", [input.endpoint.name])
	_fits(row, "accounts", [input.endpoint.account])
}

# METADATA
# title: Has one of
# description: Whether the caller has one of these roles.
has_one_of(names) if {
	some name in names
	name in roles
}

_fits(row, member, _) if not row[member]

_fits(row, member, values) if {
	some value in values
	value in row[member]
}
