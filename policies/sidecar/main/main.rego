# METADATA
# title: Main
# description: |
#   Gathers what the rules of the library and of the site say. A rule is a package below sidecar.rules
#   or site.rules; no rule is named here.
package sidecar.main

import data.sidecar.lib.config.settings
import data.sidecar.lib.findings.is_scanned
import data.sidecar.lib.query.is_list
import data.sidecar.lib.query.tools
import data.sidecar.lib.shadow.lit

# METADATA
# title: Said
# description: |
#   What the sidecar asks: what the rules give, as they give it. What is said of the tool "*" holds for
#   every tool. Of an input that cannot be read, or by a library without its data, nothing is said, so
#   nothing is allowed.
# entrypoint: true
default said := {"version": 1, "grants": [], "denials": [], "masks": []}

said := {"version": 1, "grants": _grants, "denials": _denials, "masks": _masks} if _is_readable

_is_readable if {
	tools != []
	is_scanned
	settings
}

# METADATA
# title: Decision
# description: |
#   The same, tool by tool, for people and tests: a tool is allowed by at least one grant and no denial.
decision := {"version": 1, "tools": {tool.name: _verdict(tool.name) | some tool in tools}} if {
	_is_readable
} else := {"version": 1, "tools": {}}

_verdict(name) := {
	"allow": {grants != [], denials == []} == {true},
	"grants": grants,
	"denials": denials,
	"masks": sort([object.remove(mask, ["tool"]) | some mask in said.masks; mask.tool in {"*", name}]),
} if {
	grants := sort({grant.code | some grant in said.grants; grant.tool == name})
	denials := sort({object.remove(denial, ["tool"]) |
		some denial in said.denials
		denial.tool in {"*", name}
	})
}

# Read once: a reference to a tree of packages is the dearest step of a decision.
_roots := [data.sidecar.rules] if {
	not data.site.rules
	settings.shadow_rules == []
} else := [lit(data.sidecar.rules), data.sidecar.lib.site.rules]

# Arguments are judged in calls only.
_asked := ["access"] if {
	is_list
} else := ["access", "arguments"]

_grants := [grant |
	some root in _roots
	some rule in root.access
	some grant in rule.grant
]

_denials := [object.union(denial, {"group": group}) |
	some root in _roots
	some group in _asked
	some rule in root[group]
	some denial in rule.deny
]

_masks := [mask |
	some root in _roots
	some rule in root.masks
	some mask in rule.mask
]
