package system.log_test

import data.system.log

asked(tools) := {"input": {"tools": tools, "arguments": {"email": "a@example.com"}}, "result": {}}

test_what_was_asked_is_never_written if {
	{"/input", "/nd_builtin_cache"} == log.mask with input as asked([{"known": true}])
}

test_verdicts_that_name_an_unknown_tool_are_not_written if {
	"/result" in log.mask with input as asked([{"known": true}, {"known": false}])
}

test_verdicts_about_what_cannot_be_read_are_not_written if {
	every event in [{}, {"input": {}}, asked([{}])] {
		"/result" in log.mask with input as event
	}
}
