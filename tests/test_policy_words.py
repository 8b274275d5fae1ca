"""What a rule says of a call is told without what it read in it: a message is made of anything."""

from __future__ import annotations

import pytest
from engine_parts import put
from flow import call, flow
from leak_parts import READ

from sidecar.model import Finding
from sidecar.policy import Embedded, load
from sidecar.redaction import unsaid, unsayable
from sidecar.settings import shipped

PLANTED = ("jo.planted@example.org", "4111 1111 1111 1111", "Her cat is ill")
LOUD = """package site.rules.arguments.loud

import data.sidecar.lib.query.tools

deny contains {
	"tool": tool.name,
	"code": sprintf("arguments.loud %s", [input.arguments.email]),
	"message": sprintf("Not with %v: %s.", [input.arguments, input.arguments.text[0]]),
	"remedy": sprintf("Leave out %s.", [input.arguments.note]),
} if {
	some tool in tools
}
"""


@pytest.mark.anyio
async def test_no_value_of_an_argument_is_told_by_a_rule_to_the_agent_or_the_log(tmp_path):
    bundle = load(shipped("policies"), put(tmp_path / "site", {"loud.rego": LOUD}))
    email, card, text = PLANTED
    async with flow(tmp_path, Embedded(bundle)) as f:
        reply = await f.ask(call(READ, email=email, note=card, text=[text]))
        (event,) = f.events()
    said = reply.json()["result"]["content"][0]["text"]
    assert "Not with" in said
    assert "[withheld: 14 characters]" in said
    assert not [value for value in PLANTED if value in said]
    assert not [value for value in PLANTED if value in str(event)]
    assert "arguments.loud [EMAIL]" in event["decision"]["rules"]
    assert event["decision"]["denials"][0]["message"].startswith("Not with ")


def test_what_a_record_would_write_down_stays_in_a_rules_words():
    arguments = {"state": "CLOSED", "count": 12, "to": "me", "text": "closed", "quoted": 'a "b"'}
    words = r"CLOSED, 12, me, closed, a \"b\" and Jo"
    expected = r"CLOSED, 12, me, [withheld: 6 characters], [withheld: 7 characters] and Jo"
    assert unsaid(words, unsayable(arguments, ())) == expected
    named = unsayable(arguments, [Finding("NAME", "/state", 6)])
    assert unsaid("Not CLOSED", named) == "Not [withheld: 6 characters]"
