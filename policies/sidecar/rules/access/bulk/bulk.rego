# METADATA
# title: Bulk tools
# description: Keeps tools with a tag in config.bulk_tags to the roles in config.bulk_roles.
package sidecar.rules.access.bulk

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.tools
import data.sidecar.lib.selection.has_one_of

# METADATA
# title: Deny
# description: The tools with such a tag, unless the caller has such a role.
# custom:
#   code: access.bulk
#   message: "Tool %s moves data in bulk or acts outside, and the caller has no role for that."
#   remedy: Use a tool for single records, or call with a role that config.bulk_roles names.
#   related: [access.destructive, access.reserved]
deny contains {
	"tool": tool.name,
	"code": "access.bulk",
	"message": sprintf("Tool %s moves data in bulk or acts outside, and the caller has no role for that.", [tool.name]),
	"remedy": "Use a tool for single records, or call with a role that config.bulk_roles names.",
} if {
	not has_one_of(settings.bulk_roles)
	bulk_tags := settings.bulk_tags
	some tool in tools
	some tag in tool.tags
	tag in bulk_tags
}
