package sidecar.lib.findings_test

import data.sidecar.example_test as example
import data.sidecar.lib.findings

_finding := {"entity": "CARD", "pointer": "/a", "length": 16}

test_the_findings_of_a_call_are_found if {
	finding := _finding
	findings.found == [finding] with input as example.with_changes({"findings": [finding]})
	findings.is_scanned with input as example.with_changes({"findings": [finding]})
}

test_a_list_is_scanned_without_findings if {
	findings.is_scanned with input as example.list_of([])
	findings.found == [] with input as example.list_of([])
}

test_nothing_is_found_in_a_list if {
	query := object.union(example.list_of([]), {"arguments": {}, "findings": [_finding]})
	findings.found == [] with input as query
}

test_a_call_is_not_scanned_unless_it_says_so if {
	every changes in [{"arguments": null}, {"arguments": []}, {"findings": null}, {"findings": {}}] {
		not findings.is_scanned with input as example.with_changes(changes)
		findings.found == [] with input as example.with_changes(changes)
	}
	not findings.is_scanned with input as object.remove(example.call, ["findings"])
	not findings.is_scanned with input as {}
}

test_a_call_with_an_unreadable_finding_is_not_scanned if {
	every finding in [null, {"entity": "CARD"}, {"entity": null, "pointer": "/a"}, {"entity": "CARD", "pointer": 1}] {
		not findings.is_scanned with input as example.with_changes({"findings": [_finding, finding]})
	}
}
