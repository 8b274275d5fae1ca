# METADATA
# title: Masks
# description: Settles what holds when several rules ask for different masks on the same thing.
package sidecar.lib.masks

# METADATA
# title: Rank
# description: The actions, and how strict each is.
rank := {"keep": 0, "last4": 1, "pseudonym": 2, "mask": 3, "drop": 4}

# METADATA
# title: Strictest
# description: Of the masks on the same entity or pointer only one, the strictest.
strictest(masks) := masks if {
	# The usual case: nothing is named twice.
	count({mask.entity | some mask in masks}) == count(masks)
} else := _strictest_by("entity", masks) | _strictest_by("pointer", masks)

# METADATA
# title: Joined
# description: The strictest of two sets, in each of which nothing is named twice.
joined(common, own) := (common - contested) | strictest(contested | own) if {
	names := {mask[kind] | some mask in own; some kind in ["entity", "pointer"]}
	contested := {mask |
		some mask in common
		some kind in ["entity", "pointer"]
		mask[kind] in names
	}
}

# In a union of objects the later one wins: first by action, then, among equals, by code.
_strictest_by(kind, masks) := {mask |
	actions := object.union_n([objects |
		some action in ["keep", "last4", "pseudonym", "mask", "drop"]
		objects := {candidate[kind]: action | some candidate in masks; candidate.action == action}
	])
	strict := {candidate | some candidate in masks; actions[candidate[kind]] == candidate.action}
	codes := object.union_n([objects |
		some code in sort({candidate.code | some candidate in strict})
		objects := {candidate[kind]: code | some candidate in strict; candidate.code == code}
	])
	some mask in strict
	codes[mask[kind]] == mask.code
}
