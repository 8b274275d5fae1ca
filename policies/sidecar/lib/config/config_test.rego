package sidecar.lib.config_test

import data.sidecar.lib.config

_library := {"list": ["a"], "masks": {"EMAIL": "mask", "PHONE": "last4"}}

test_the_librarys_settings_hold_where_the_operator_says_nothing if config.settings == data.sidecar.config

test_the_operators_value_wins_key_by_key if {
	settings := config.settings with data.site.config as {"bulk_roles": ["exporter"]}
	settings == object.union(data.sidecar.config, {"bulk_roles": ["exporter"]})
}

test_without_a_key_there_are_no_settings if {
	library := data.sidecar.config
	every key, _ in library {
		not config.settings with data.sidecar.config as object.remove(library, [key])
	}
}

test_lists_are_replaced_whole if config.merged(_library, {"list": ["b"]}).list == ["b"]

test_objects_are_merged_member_by_member if {
	config.merged(_library, {"masks": {"EMAIL": "drop"}}).masks == {"EMAIL": "drop", "PHONE": "last4"}
}

test_a_value_of_another_type_is_not_used if {
	every site in [{"list": null}, {"list": "b"}, {"masks": []}, {"other": 1}, [], null, "x", 1] {
		config.merged(_library, site) == _library
	}
}

test_a_word_that_is_no_action_counts_as_drop if {
	every word in ["hash", "", null, 3] {
		config.merged(_library, {"masks": {"EMAIL": word}}).masks.EMAIL == "drop"
	}
}
