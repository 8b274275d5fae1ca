"""Refusals and failures in a report: each in the one table that says what happened."""

from typing import Any

import pytest
from test_audit_event import ACTOR, DENIED, intent, outcome
from test_audit_report import AGENT, CALL, logged, rows

from sidecar import audit


def test_denials_have_the_rule_and_the_reason_in_words(tmp_path):
    refusal = outcome(actor=ACTOR, mcp=CALL, decision=DENIED, outcome={"status": "refused"})
    found = audit.report(logged(tmp_path, refusal, refusal))
    reason = "The tool is not in this caller's tags."
    assert rows(found, "Denials") == {(AGENT, "get_customer", "access.tags", reason, "", 2)}
    assert rows(found, "Hidden tools") == {(AGENT, 1, 2)}
    assert rows(found, "Writes forwarded") == set()


def test_hidden_tools_are_counted_and_named_when_the_whole_is_asked_for(tmp_path):
    both = DENIED | {"hidden_tools": ["delete_customer", "delete_task"]}
    refused = {"status": "refused"}
    ends = [outcome(actor=ACTOR, mcp=CALL, decision=d, outcome=refused) for d in (DENIED, both)]
    path = logged(tmp_path, *ends)
    assert rows(audit.report(path), "Hidden tools") == {(AGENT, 2, 3)}
    for is_whole in (False, True):
        tables = audit.report(path, is_whole=is_whole).tables
        (hidden,) = (table for table in tables if table.title == "Hidden tools")
        assert hidden.columns[2] == "times left out of a list"
    assert "--all` names them." in audit.report(path).text()
    named = audit.report(path, is_whole=True)
    assert rows(named, "Hidden tools") == {
        (AGENT, "delete_customer", 2),
        (AGENT, "delete_task", 1),
    }
    assert "--all" not in named.text()


def test_a_denial_names_the_last_event_by_which_it_is_shown(tmp_path):
    first, last = (
        outcome(actor=ACTOR, mcp=CALL, decision=DENIED, outcome={"status": "refused"})
        for _ in range(2)
    )
    path = logged(tmp_path, first, last)
    (denials,) = (table for table in audit.report(path).tables if table.title == "Denials")
    ((*_, times, event),) = denials.rows
    assert (denials.columns[-1], times, event) == ("last event", 2, last.id)
    (shown,) = audit.show(path, str(event))
    assert shown["decision"]["denials"]


def test_a_refusal_without_a_rule_is_listed_with_its_slug(tmp_path):
    decision = {"result": "deny", "reason": "method_refused"}
    refusal = outcome(actor=ACTOR, mcp=CALL, decision=decision, outcome={"status": "refused"})
    found = audit.report(logged(tmp_path, refusal))
    assert rows(found, "Denials") == {(AGENT, "get_customer", "method_refused", "", "", 1)}


def test_beside_an_unknown_tool_only_the_sealed_scope_is_told(tmp_path):
    codes = ["access.destructive", "access.unknown", "access.pinned", "sealed.methods"]
    denials = [{"code": code} for code in codes]
    decision = {"result": "deny", "reason": "tool_hidden", "denials": denials}
    refused = {"status": "refused"}
    path = logged(
        tmp_path,
        outcome(actor=ACTOR, mcp=CALL | {"tool": "x"}, decision=decision, outcome=refused),
        outcome(
            actor=ACTOR, mcp=CALL, decision=decision | {"denials": denials[2:]}, outcome=refused
        ),
    )
    assert {(row[1], row[2]) for row in rows(audit.report(path), "Denials")} == {
        ("x", "access.unknown"),
        ("x", "sealed.methods"),
        ("get_customer", "access.pinned"),
        ("get_customer", "sealed.methods"),
    }
    assert path.read_text().count("access.destructive") == 1


def test_a_failure_is_no_denial_and_says_whose_it_was(tmp_path):
    decision = {"result": "error", "reason": "organ_down"}
    failure = outcome(actor=ACTOR, mcp=CALL, decision=decision, outcome={"status": "sidecar_error"})
    found = audit.report(logged(tmp_path, failure))
    reason = "organ_down"
    assert rows(found, "Failures") == {(AGENT, "get_customer", "sidecar_error", reason, 1)}
    assert rows(found, "Denials") == set()


@pytest.mark.parametrize(
    ("status", "is_sent", "title"),
    [
        ("ok", True, "Accesses by subject"),
        ("tool_error", True, "Accesses by subject"),
        ("timeout", True, "Accesses by subject"),
        ("backend_error", True, "Accesses by subject"),
        ("sidecar_error", True, "Accesses by subject"),
        ("cancelled", True, "Accesses by subject"),
        ("rate_limited", True, "Refused attempts by subject"),
        ("refused", False, "Refused attempts by subject"),
        ("sidecar_error", False, "Refused attempts by subject"),
        ("backend_error", False, "Refused attempts by subject"),
        ("timeout", False, "Refused attempts by subject"),
        ("cancelled", False, "Refused attempts by subject"),
    ],
)
def test_what_never_left_or_was_turned_away_is_nobodys_access(tmp_path, status, is_sent, title):
    about = {"subjects": [{"kind": "customer", "id": "c-1"}]}
    begin = intent(data=about)
    end: dict[str, Any] = {
        "actor": ACTOR,
        "mcp": CALL,
        "data": about,
        "outcome": {"status": status},
    }
    events = (begin, outcome(begin.id, **end)) if is_sent else (outcome(**end),)
    found = audit.report(logged(tmp_path, *events))
    both = {"Accesses by subject", "Refused attempts by subject"}
    assert rows(found, title) == {("customer", "c-1", AGENT, "get_customer", status, 1)}
    assert rows(found, (both - {title}).pop()) == set()


def test_an_aggregate_of_failed_logins_counts_as_many(tmp_path):
    flood = outcome(
        actor={"endpoint": "support", "auth_error": "expired", "is_authenticated": False},
        src={"ip": "10.0.0.9"},
        outcome={"status": "refused", "http": 401, "count": 250},
    )
    found = audit.report(logged(tmp_path, flood))
    assert rows(found, "Authentication failures") == {("support", "10.0.0.9", "expired", 250)}
    assert rows(found, "Calls") == {("unauthenticated at support", "", "refused", 250)}


@pytest.mark.parametrize(
    ("http", "error", "title"),
    [
        (401, "no_token", "Authentication failures"),
        (404, "endpoint_unknown", "Authentication failures"),
        (404, "session_of_another", "Authentication failures"),
        (None, "expired", "Authentication failures"),
        (404, "no such path", "Refused at the edge"),
        (404, "the transport of 2024-11-05", "Refused at the edge"),
        (400, "repeated header", "Refused at the edge"),
        (403, "host", "Refused at the edge"),
        (405, "verb", "Refused at the edge"),
        (408, "slow body", "Refused at the edge"),
        (413, "body too large", "Refused at the edge"),
        (415, "content type", "Refused at the edge"),
        (503, "no key set could be fetched", "Failures"),
    ],
)
def test_a_stranger_is_listed_once_by_how_it_was_turned_away(tmp_path, http, error, title):
    is_ours = http == 503
    ending = {"status": "sidecar_error" if is_ours else "refused"} | (
        {"http": http} if http else {}
    )
    stranger = outcome(
        actor={"auth_error": error},
        src={"ip": "10.0.0.9"},
        mcp={"verb": "POST", "method": "POST"},
        decision={"result": "error" if is_ours else "deny", "reason": "slug"},
        outcome=ending,
    )
    found = audit.report(logged(tmp_path, stranger))
    told = {
        "Authentication failures": ("", "10.0.0.9", error, 1),
        "Refused at the edge": ("", "10.0.0.9", str(http), error, 1),
        "Failures": ("unauthenticated at no endpoint", "POST", "sidecar_error", "slug", 1),
        "Denials": None,
    }
    for each, row in told.items():
        assert rows(found, each) == ({row} if each == title else set())


def test_a_body_that_a_known_caller_never_finished_is_refused_at_the_edge(tmp_path):
    decision = {"result": "deny", "reason": "body_timeout"}
    slow = outcome(actor=ACTOR, decision=decision, outcome={"status": "refused", "http": 408})
    found = audit.report(logged(tmp_path, slow))
    assert rows(found, "Refused at the edge") == {("support", "", "408", "body_timeout", 1)}


def test_a_status_that_the_backend_gave_is_not_refused_at_the_edge(tmp_path):
    begin = intent()
    found = audit.report(
        logged(tmp_path, begin, outcome(begin.id, outcome={"status": "ok", "http": 405}))
    )
    assert rows(found, "Refused at the edge") == set()


@pytest.mark.parametrize("fate", ["endpoint_expired", "endpoint_revoked"])
def test_an_endpoint_that_has_ended_and_is_still_used_is_named(tmp_path, fate):
    late = outcome(
        actor={"auth_error": f"{fate}: contractor"},
        src={"ip": "10.0.0.9"},
        outcome={"status": "refused", "http": 404},
    )
    found = audit.report(logged(tmp_path, late))
    row = ("contractor", "10.0.0.9", fate, 1)
    assert rows(found, "Authentication failures") == {row}
    assert rows(found, "Calls") == {("unauthenticated at contractor", "", "refused", 1)}


def test_words_of_an_unverified_token_do_not_name_an_actor(tmp_path):
    forged = ACTOR | {"is_authenticated": False, "auth_error": "bad_signature"}
    found = audit.report(
        logged(tmp_path, outcome(actor=forged, mcp=CALL, outcome={"status": "refused"}))
    )
    assert AGENT not in found.text()
    assert "unauthenticated at support" in found.text()


def test_rate_limits_that_were_passed_on_are_listed(tmp_path):
    begin = intent()
    limited = outcome(begin.id, outcome={"status": "rate_limited", "http": 429})
    found = audit.report(logged(tmp_path, begin, limited))
    assert rows(found, "Rate limits passed on (429)") == {(AGENT, "get_customer", 1)}
