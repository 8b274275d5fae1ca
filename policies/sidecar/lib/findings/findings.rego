# METADATA
# title: Findings
# description: The personal data found in a call's arguments. For main and the arguments rules alone.
package sidecar.lib.findings

import data.sidecar.lib.query.is_list

# METADATA
# title: Is scanned
# description: Whether a call says what its arguments are and what was found in them. A list need not.
is_scanned if {
	is_object(input.arguments)
	is_array(input.findings)
	every finding in input.findings {
		is_string(finding.entity)
		is_string(finding.pointer)
	}
} else := is_list

# METADATA
# title: Found
# description: The findings of a call; none for a list.
found := input.findings if {
	not is_list
	is_scanned
} else := []
