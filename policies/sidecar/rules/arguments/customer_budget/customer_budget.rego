# METADATA
# title: Customer budget
# description: |
#   Keeps a caller to the data of config.customers_per_hour distinct customers within an hour, as
#   input.recent counts them. Customers that were seen already stay within reach.
package sidecar.rules.arguments.customer_budget

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.is_list
import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The tools of a call that would reach for more customers than that.
# custom:
#   code: arguments.customer_budget
#   message: "Tool %s: the data of %d customers was asked for within an hour, and no more are allowed."
#   remedy: Go on with the customers at hand, or wait until an hour has passed since the first of them.
#   related: [access.bulk]
deny contains {
	"tool": tool.name,
	"code": "arguments.customer_budget",
	"message": sprintf("Tool %s: the data of %d customers was asked for within an hour, and no more are allowed.", [tool.name, settings.customers_per_hour]),
	"remedy": "Go on with the customers at hand, or wait until an hour has passed since the first of them.",
} if {
	not is_list
	settings.customers_per_hour > 0
	_is_spent(settings.customers_per_hour)
	some tool in tools
}

_is_spent(budget) if input.recent.customers + input.recent.new_customers > budget

_is_spent(budget) if {
	input.recent.opens_customers
	input.recent.customers >= budget
}
