# METADATA
# title: Configuration
# description: The library's settings, with the operator's own in front of them.
package sidecar.lib.config

import data.sidecar.lib.masks.rank

# METADATA
# title: Settings
# description: |
#   data.sidecar.config, where data.site.config says nothing else. Undefined when a key is missing,
#   and then main decides nothing: a rule without its data would be silent.
settings := chosen if {
	chosen := _chosen
	[
		chosen.always_masked,
		chosen.bulk_roles,
		chosen.bulk_tags,
		chosen.caller_masks,
		chosen.customers_per_hour,
		chosen.default_methods,
		chosen.denied,
		chosen.destructive_roles,
		chosen.expected_in_arguments,
		chosen.masks,
		chosen.open_hours,
		chosen.passed_methods,
		chosen.raw_roles,
		chosen.refused_in_arguments,
		chosen.reserved_tools,
		chosen.reserved_values,
		chosen.shadow_rules,
		chosen.tainted_minutes,
		chosen.tainted_roles,
		chosen.tainted_tags,
		chosen.webhook_hosts,
	]
}

_chosen := data.sidecar.config if {
	not data.site.config
} else := merged(data.sidecar.config, data.site.config)

# METADATA
# title: Merged
# description: |
#   The first object, with the values of the second in front. Objects are merged member by member,
#   lists are replaced whole. A value of another type than the library's is not used, and a word in
#   masks that is no action counts as "drop".
merged(library, site) := object.union(
	object.union(library, {key: value |
		is_object(site)
		some key, value in site
		type_name(value) == type_name(library[key])
	}),
	{"masks": {entity: "drop" |
		is_object(site.masks)
		some entity, action in site.masks
		not rank[action]
	}},
)
