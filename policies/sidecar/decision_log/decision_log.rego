# METADATA
# title: Decision log
# description: |
#   What an OPA server leaves out of its own decision log, where that is switched on: all that was
#   asked, for arguments and claims hold what people said, and the verdicts, unless every tool they
#   name is one that the catalog knows. The sidecar's audit log has both, with that withheld.
package system.log

# METADATA
# title: Mask
# description: The parts of a decision's record that OPA erases before it writes it.
mask contains path if {
	some path in ["/input", "/nd_builtin_cache"]
}

mask contains "/result" if not _is_known

_is_known if {
	every tool in object.get(input, ["input", "tools"], [{}]) {
		tool.known == true
	}
}
