# METADATA
# title: Main
# description: |
#   Gathers what the rules of the library and of the site say, and gives one verdict for each tool.
#   A rule is a package below sidecar.rules or site.rules; no rule is named here.
package sidecar.main

import data.sidecar.lib.config.settings
import data.sidecar.lib.findings.is_scanned
import data.sidecar.lib.masks
import data.sidecar.lib.query.is_list
import data.sidecar.lib.query.tools

# METADATA
# title: Decision
# description: |
#   A tool is allowed by at least one grant and no denial. An input that cannot be read, or a
#   library without its data, has no verdicts, so nothing is allowed. A denial or a mask of the tool "*" holds for every tool.
# entrypoint: true
default decision := {"version": 1, "tools": {}}

decision := {"version": 1, "tools": {tool.name: _verdict(tool.name) | some tool in tools}} if {
	is_scanned
	settings
}

_verdict(name) := {
	"allow": {grants != set(), denials == set()} == {true},
	"grants": sort(grants),
	"denials": sort(denials),
	"masks": _settled({part.mask | some part in said}),
} if {
	said := object.get(_said, name, set())
	grants := {part.grant | some part in said}
	denials := {part.denial | some part in said} | _common_denials
}

# Most tools have no masks of their own, so that those of every tool are settled once.
_settled(own) := _common_masks if {
	own == set()
} else := sort(masks.joined({mask | some mask in _common_masks}, masks.strictest(own)))

# Read once: a reference to a tree of packages is the dearest step of a decision.
_roots := [data.sidecar.rules] if {
	not data.site.rules
} else := [data.sidecar.rules, data.sidecar.lib.site.rules]

# Arguments are judged in calls only.
_asked := ["access"] if {
	is_list
} else := ["access", "arguments"]

_said[tool] contains part if some [tool, part] in _parts

# What each rule says, with the tool that it says it of. One set, for regorus makes every further
# definition of a partial rule cost as much as a rule of the library.
_parts := ({[grant.tool, {"grant": grant.code}] |
	some root in _roots
	some rule in root.access
	some grant in rule.grant
} | {[denial.tool, {"denial": denied}] |
	some root in _roots
	some group in _asked
	some rule in root[group]
	some denial in rule.deny
	denied := {"group": group, "code": denial.code, "message": denial.message, "remedy": denial.remedy}
}) | {[mask.tool, {"mask": object.remove(mask, ["tool"])}] |
	some root in _roots
	some rule in root.masks
	some mask in rule.mask
	mask.tool != "*"
}

_common_denials := {part.denial | some part in object.get(_said, "*", set())}

_common_masks := sort(masks.strictest({object.remove(mask, ["tool"]) |
	some root in _roots
	some rule in root.masks
	some mask in rule.mask
	mask.tool == "*"
}))
