# METADATA
# title: Shadow
# description: |
#   Leaves out what the rules named in config.shadow_rules say: they are on trial. The sidecar judges
#   each call once more with them and writes down what they would have changed.
package sidecar.lib.shadow

import data.sidecar.lib.config.settings

# METADATA
# title: Lit
# description: A tree of rules, by group and name, without those in shadow.
lit(tree) := tree if settings.shadow_rules == []

else := {group: _lit(group, members) | some group, members in tree}

_lit(group, members) := members if not is_object(members)

else := {rule: said |
	some rule, said in members
	not concat(".", [group, rule]) in settings.shadow_rules
}
