package sidecar.tests.access.open_hours_test

import data.sidecar.example_test as example
import data.sidecar.rules.access.open_hours

# The first of January 2026 is a Thursday.
_at(time) := object.union(example.with_tool({"effect": "write"}), {"time": time})

_site := {"open_hours": [{"effects": ["write"], "open": {"Thursday": [8, 18], "Friday": [22, 24]}}]}

test_allows_every_hour_by_default if open_hours.deny == set() with input as _at("2026-01-01T03:00:00Z")

test_allows_the_hours_of_the_weekday if {
	every time in ["2026-01-01T08:00:00Z", "2026-01-01T17:59:59.999999+00:00", "2026-01-02T23:59:59Z"] {
		open_hours.deny == set() with input as _at(time) with data.site.config as _site
	}
}

test_denies_other_hours_and_other_weekdays if {
	every time in ["2026-01-01T07:59:59Z", "2026-01-01T18:00:00Z", "2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z"] {
		example.named(open_hours.deny) == {"read_one"} with input as _at(time) with data.site.config as _site
	}
}

_ahead_by(minutes) := {"open_hours": [object.union(row, {"utc_offset_minutes": minutes}) | some row in _site.open_hours]}

test_counts_the_offset_from_utc_in_the_hour_and_the_weekday if {
	ahead := _ahead_by(90)
	open_hours.deny == set() with input as _at("2026-01-01T06:30:00Z") with data.site.config as ahead
	count(open_hours.deny) == 1 with input as _at("2026-01-01T16:30:00Z") with data.site.config as ahead
	behind := _ahead_by(-600)
	open_hours.deny == set() with input as _at("2026-01-02T03:59:59Z") with data.site.config as behind
}

test_allows_what_the_row_is_not_about if open_hours.deny == set() with input as example.call with data.site.config as _site

test_every_row_has_to_be_open if {
	rows := array.concat(_site.open_hours, [{"tags": ["customers"], "open": {"Thursday": [12, 13]}}])
	site := {"open_hours": rows}
	count(open_hours.deny) == 1 with input as _at("2026-01-01T09:00:00Z") with data.site.config as site
	open_hours.deny == set() with input as _at("2026-01-01T12:00:00Z") with data.site.config as site
}

test_denies_where_the_time_cannot_be_read if {
	every time in ["", "now", "2026-01-01", null, 1] {
		count(open_hours.deny) == 1 with input as _at(time) with data.site.config as _site
	}
}

test_denies_missing_input if open_hours.deny == set() with input as {}
