# METADATA
# title: Exits
# description: |
#   Keeps what is no tool to the methods in config.passed_methods: prompts, resources, completions,
#   tasks, and what the backend may ask of the agent (sampling, elicitation, roots). Each stands in
#   the input as a tool of its method's name, with the tag "exit".
package sidecar.rules.access.exits

import data.sidecar.lib.config.settings
import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: The exits that are not named.
# custom:
#   code: access.exits
#   message: "Method %s is not passed on by this site."
#   remedy: Use tools, or ask the operator to name the method in config.passed_methods.
#   related: [access.methods]
deny contains {
	"tool": tool.name,
	"code": "access.exits",
	"message": sprintf("Method %s is not passed on by this site.", [tool.name]),
	"remedy": "Use tools, or ask the operator to name the method in config.passed_methods.",
} if {
	some tool in tools
	"exit" in tool.tags
	not tool.name in settings.passed_methods
}
