# METADATA
# title: JSON pointers
# description: Which argument a JSON pointer (RFC 6901) leads into.
package sidecar.lib.pointer

# METADATA
# title: Argument
# description: The first segment, unescaped. Undefined when the pointer names no member.
argument(pointer) := replace(replace(split(pointer, "/")[1], "~1", "/"), "~0", "~")
