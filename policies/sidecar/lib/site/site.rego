# METADATA
# title: Site
# description: |
#   The operator's own rules, checked. They are strangers to the library: one that cannot be read is
#   a denial of every tool, never silence. Those in shadow are left out before that.
package sidecar.lib.site

import data.sidecar.lib.masks.rank
import data.sidecar.lib.shadow.lit

# METADATA
# title: Rules
# description: data.site.rules, or a denial in its place. Empty when the operator has no rules.
rules := _rules if not _is_unreadable

else := {"access": {"unreadable": {"deny": {_denial(name) | some name in _unreadable}}}}

default _rules := {}

# Read once: a reference to a whole tree of packages is the dearest step of a decision.
_rules := lit(data.site.rules)

_is_unreadable if count(_unreadable) > 0

_unreadable contains group if {
	some group, members in _rules
	not _is_group(group, members)
}

_unreadable contains concat(".", [group, rule]) if {
	some group, members in _rules
	_is_group(group, members)
	some rule, said in members
	not _is_rule(group, said)
}

_is_group(group, members) if {
	group in {"access", "arguments", "masks"}
	is_object(members)
}

_is_rule("access", said) if {
	_is_said(said)
	not said.mask
	every grant in object.get(said, "grant", set()) {
		is_string(grant.tool)
		is_string(grant.code)
	}
	every denial in object.get(said, "deny", set()) {
		_is_denial(denial)
	}
}

_is_rule("arguments", said) if {
	_is_said(said)
	not said.grant
	not said.mask
	every denial in object.get(said, "deny", set()) {
		_is_denial(denial)
	}
}

_is_rule("masks", said) if {
	_is_said(said)
	not said.grant
	not said.deny
	every mask in object.get(said, "mask", set()) {
		_is_mask(mask)
	}
}

# A rule is a package of its own with none below it, and what it says are sets.
_is_said(said) if {
	is_object(said)
	not _is_nested(said)
	every kind in ["grant", "deny", "mask"] {
		is_set(object.get(said, kind, set()))
	}
}

_is_nested(said) if {
	some part in said
	is_object(part)
	some kind in ["grant", "deny", "mask"]
	is_set(part[kind])
}

_is_denial(denial) if {
	is_string(denial.tool)
	is_string(denial.code)
	is_string(denial.message)
	is_string(denial.remedy)
}

_is_mask(mask) if {
	is_string(mask.tool)
	is_string(mask.code)
	rank[mask.action] >= 0
	_is_on_one_thing(mask)
}

_is_on_one_thing(mask) if {
	is_string(mask.entity)
	not mask.pointer
}

_is_on_one_thing(mask) if {
	is_string(mask.pointer)
	not mask.entity
}

_denial(name) := {
	"tool": "*",
	"code": name,
	"message": sprintf("Rule %s of this site cannot be read.", [name]),
	"remedy": "Ask the operator to mend the rule: policies/README.md says what a rule gives.",
}
