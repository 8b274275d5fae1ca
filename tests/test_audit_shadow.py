"""What a policy in shadow would have changed, as reviewers find it: report, query, words."""

from __future__ import annotations

from typing import Any

import pytest
from console import sidecar
from test_audit_event import ACTOR, ALLOWED, DIGEST, outcome
from test_audit_report import AGENT, CALL, logged, rows

from sidecar import audit
from sidecar.audit import words
from sidecar.model import Event


def judged(**shadow: Any) -> Event:
    """An allowed call that a policy in shadow judged, too."""
    told = {"policy_sha256": DIGEST, **shadow}
    return outcome(actor=ACTOR, mcp=CALL, decision={**ALLOWED, "shadow": told})


DENY = {"result": "deny", "denials": ["access.mine", "arguments.mine"]}
LIST = {"result": "deny", "hidden_tools": ["delete_customer"], "hidden_total": 1}


def test_a_report_tells_would_be_refusals_by_caller_and_rule_and_how_often_it_agreed(tmp_path):
    same = judged(result="same")
    no_grant = judged(result="deny", withdrawn=["access.methods"])
    path = logged(tmp_path, judged(**DENY), judged(**DENY), no_grant, same, same)
    found = audit.report(path)
    assert {row[:-1] for row in rows(found, "Would be refused")} == {
        (AGENT, "get_customer", "access.mine", 2),
        (AGENT, "get_customer", "arguments.mine", 2),
        (AGENT, "get_customer", "access.methods", 1),
    }
    assert rows(found, "Judged in shadow") == {(DIGEST, "deny", 3), (DIGEST, "same", 2)}
    assert rows(found, "Denials") == set()
    (table,) = (table for table in found.tables if table.title == "Would be refused")
    assert audit.show(path, str(table.rows[0][-1]))


def test_a_list_that_would_hide_a_tool_is_told_without_a_rule(tmp_path):
    found = audit.report(logged(tmp_path, judged(**LIST)))
    ((*row, _),) = rows(found, "Would be refused")
    assert row == [AGENT, "get_customer", "", 1]


def test_a_log_without_shadow_has_no_tables_of_it(tmp_path):
    found = audit.report(logged(tmp_path, outcome(actor=ACTOR, mcp=CALL, decision=ALLOWED)))
    assert {"Judged in shadow", "Would be refused"}.isdisjoint(t.title for t in found.tables)


@pytest.mark.parametrize(("would", "count"), [("deny", 1), ("same", 1), ("failed", 0), ("", 3)])
def test_a_query_finds_what_would_have_changed(tmp_path, would, count):
    plain = outcome(actor=ACTOR, mcp=CALL, decision=ALLOWED)
    path = logged(tmp_path, judged(**DENY), judged(result="same"), plain)
    assert len(list(audit.query(path, audit.Filter(would=would)))) == count


def test_the_command_says_it_in_words(tmp_path):
    logged(tmp_path, judged(**DENY), judged(result="same"))
    ran = sidecar("audit", "query", tmp_path, "--would", "deny")
    assert ran.code == 0
    (line,) = ran.out.splitlines()
    assert "went well; WOULD BE REFUSED in shadow (access.mine, arguments.mine)" in line


@pytest.mark.parametrize(
    ("shadow", "said"),
    [
        (DENY, "WOULD BE REFUSED in shadow (access.mine, arguments.mine)"),
        (LIST, "WOULD BE REFUSED in shadow (delete_customer)"),
        ({"result": "allow", "lifted": ["access.x"]}, "would be allowed in shadow"),
        ({"result": "mask", "masks": ["EMAIL drop"]}, "masked otherwise in shadow (EMAIL drop)"),
        ({"result": "failed", "reason": "policy_failed"}, "shadow FAILED (policy_failed)"),
        ({"result": "same"}, "would have changed nothing"),
    ],
)
def test_a_story_ends_with_what_had_no_effect(tmp_path, shadow, said):
    event = judged(**shadow)
    path = logged(tmp_path, event)
    last = words.story(audit.show(path, event.id))[-1]
    assert last.startswith(f"Without effect, the policy in shadow {DIGEST}: ")
    assert said in last
