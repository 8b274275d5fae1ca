package sidecar.lib.pointer_test

import data.sidecar.lib.pointer

test_the_first_segment_names_the_argument if pointer.argument("/emails/0/original") == "emails"

test_escapes_are_undone_in_the_order_of_rfc_6901 if {
	pointer.argument("/a~1b~0c") == "a/b~c"
	pointer.argument("/~01") == "~1"
}

test_the_empty_name_is_a_name if pointer.argument("/") == ""

test_the_whole_is_no_argument if not pointer.argument("")
