"""What a reviewer asks of calls: filters, merges followed, words, and both logs compared.

Over 300 lines: one log serves all that is asked of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from test_audit_event import ACTOR, ALLOWED, DENIED, DIGEST, NOON, READ, WRITE, intent, outcome
from test_audit_report import logged, rows
from test_audit_writer import run, writer

from sidecar import audit
from sidecar.audit import words
from sidecar.audit.kin import kin
from sidecar.errors import ConfigError
from sidecar.model import Event


def about(*ids: str, kind: str = "customer", **more: Any) -> dict[str, Any]:
    return {"subjects": [{"kind": kind, "id": one} for one in ids], **more}


def done(**sections: Any) -> tuple[Event, Event]:
    """A call that was sent and went well; `end` are the members of its outcome's data."""
    end = sections.pop("end", {})
    begin = intent(**sections)
    return begin, outcome(begin.id, data=end)


def found(path: Any, **asked: Any) -> list[str]:
    return [call.id for call in audit.query(path, audit.Filter(**asked))]


@pytest.fixture
def log(tmp_path):
    """Three calls: a read of c-1 that masked, a write of c-2, and a refusal."""
    read = done(data=about("c-1"), end={"masked": {"EMAIL": 1}})
    write = done(mcp=WRITE, actor=ACTOR | {"on_behalf_of": "user-9"}, data=about("c-2"))
    refusal = outcome(
        actor=ACTOR,
        mcp=READ | {"tags": ["tasks"]},
        decision=DENIED | {"policy_sha256": "cd" * 32},
        outcome={"status": "refused"},
    )
    path = logged(tmp_path, *read, *write, refusal)
    return path, read[0].id, write[0].id, refusal.id


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [0, 1, 2]),
        ({"actor": "user-9"}, [1]),
        ({"actor": "agent-7"}, [0, 1, 2]),
        ({"actor": "support", "tool": "create_note"}, [1]),
        ({"actor": "user"}, []),
        ({"tool": "get_customer"}, [0, 2]),
        ({"tag": "tasks"}, [2]),
        ({"verdict": "deny"}, [2]),
        ({"rule": "access.tags"}, [2]),
        ({"entity": "EMAIL"}, [0]),
        ({"subject": "c-2"}, [1]),
        ({"policy": DIGEST[:6]}, [0, 1]),
        ({"since": NOON + timedelta(seconds=1)}, []),
        ({"until": NOON}, []),
        ({"since": NOON}, [0, 1, 2]),
    ],
)
def test_a_query_gives_the_calls_that_fit_every_filter(log, asked, numbers):
    path, *events = log
    assert found(path, **asked) == [events[number] for number in numbers]


def test_a_merge_is_followed_in_both_directions_and_over_several(tmp_path):
    merges = [{"from": "old", "to": "new"}, {"from": "new", "to": "newest"}]
    calls = [done(data=about(one)) for one in ("old", "newest", "other")]
    merging = [done(data=about("x"), end={"merged": [merge]}) for merge in merges]
    path = tmp_path / "audit.jsonl"
    log = writer(tmp_path)
    run(log, *(event for pair in (*calls, *merging) for event in pair))
    log.close()
    assert kin(path, "new").same == {"old", "new", "newest"}
    for subject in ("old", "new", "newest"):
        assert found(path, subject=subject) == [calls[0][0].id, calls[1][0].id]


def test_a_conversation_belongs_to_the_one_customer_it_was_seen_with(tmp_path):
    listed = done(data=about("c-1"), end=about("v-1", kind="conversation"))
    alone = done(data=about("v-1", kind="conversation"))
    mixed = done(data=about("c-1", "c-2"), end=about("v-2", kind="conversation"))
    path = logged(tmp_path, *listed, *alone, *mixed)
    assert kin(path, "c-1").theirs == {"v-1"}
    assert found(path, subject="c-1") == [listed[0].id, alone[0].id, mixed[0].id]
    assert found(path, subject="c-2") == [mixed[0].id]


def test_a_report_about_a_subject_lists_each_access_and_how_it_was_reached(tmp_path):
    seen = done(
        data=about("c-1"),
        end=about("v-1", kind="conversation", kept={"EMAIL": 2}, masked={"PHONE": 1}),
    )
    alone = done(data=about("v-1", kind="conversation"))
    refusal = outcome(
        actor=ACTOR, mcp=READ, decision=DENIED, data=about("c-1"), outcome={"status": "refused"}
    )
    other = done(data=about("c-2"))
    made = audit.review(
        logged(tmp_path, *seen, *alone, refusal, *other), audit.Asked(subject="c-1")
    )
    assert made.tables[0].columns[7:10] == ("reached by", "masked", "left unmasked")
    assert "Text without a recognised value was passed on" in made.tables[0].note
    listed = [(row[1], row[5], *row[7:10]) for row in made.tables[0].rows]
    assert listed == [
        ("user-12", "access", "named", "PHONE 1", "EMAIL 2"),
        ("user-12", "access", "by v-1", "", ""),
        ("user-12", "refused, nothing was seen", "named", "", ""),
    ]
    assert {row[1] for row in rows(made, "Accesses by subject")} == {"c-1", "v-1"}
    said = " ".join(made.answer.seen)
    assert "Data of c-1 was accessed 2 times: on behalf of user-12 (2)" in said
    assert "Refused attempts, in which nothing was seen: 1." in said


def test_a_report_about_a_subject_tells_of_lists_too_long_to_name_everybody(tmp_path):
    long = done(data=about("c-2"), end={"subjects_total": 900})
    odd = done(data=about("[withheld]"))
    early = outcome(
        actor=ACTOR, mcp=READ, decision=DENIED, data=about("c-1"), outcome={"status": "refused"}
    )
    made = audit.review(logged(tmp_path, early, *long, *odd), audit.Asked(subject="c-1"))
    assert [row[-1] for row in made.tables[1].rows] == [2]
    assert made.answer.seen[0] == "No call of this log that names c-1 saw or changed its data."
    assert "been: 2, see the table" in made.answer.seen[2]


def test_an_id_that_stands_nowhere_is_not_said_to_have_been_seen_by_nobody(tmp_path):
    made = audit.review(logged(tmp_path, *done(data=about("c-1"))), audit.Asked(subject="C-1"))
    said = " ".join(made.answer.seen)
    assert "The id C-1 stands nowhere in this log: check its spelling" in said
    assert "Nobody saw" not in said


@pytest.mark.parametrize(
    ("since", "until", "said", "is_told"),
    [
        (-2, -1, "Whether anybody saw data of c-1 then, this log cannot tell.", True),
        (60, 90, "Whether anybody saw data of c-1 then, this log cannot tell.", True),
        (4, 60, "Nobody saw or changed data of c-1 in the time covered: no call", True),
        (4, 5, "Nobody saw or changed data of c-1: no call", False),
        (-2, None, "Data of c-1 was accessed once", True),
        (None, None, "Data of c-1 was accessed once", False),
    ],
)
def test_of_a_time_that_the_log_does_not_cover_nothing_is_said(
    tmp_path, since, until, said, is_told
):
    times = iter([NOON + timedelta(minutes=minute) for minute in (0, 1, 4, 6, 7)])
    log = writer(tmp_path, clock=lambda: next(times))
    run(log, *done(data=about("c-1")), *done(data=about("c-2")))
    log.close()
    begin, end = (None if n is None else NOON + timedelta(minutes=n) for n in (since, until))
    made = audit.review(tmp_path / "audit.jsonl", audit.Asked(begin, end, "c-1"))
    assert made.answer.seen[0].startswith(said)
    told = "This log covers 2026-11-22T12:00:00.000000Z to 2026-11-22T12:0"
    assert any(sentence.startswith(told) for sentence in made.answer.seen) is is_told


@pytest.mark.parametrize("by", ["human", "agent", "workload"])
def test_calls_are_summed_up_by_one_kind_or_by_all(tmp_path, by):
    actor = ACTOR | {"account": "emea"}
    kept = {"kept": {"EMAIL": 2, "PHONE": 1}}
    path = logged(
        tmp_path,
        *done(actor=actor, data=about("c-1"), end=about("v-1", kind="conversation", **kept)),
        *done(mcp=WRITE),
    )
    made = audit.review(path, audit.Asked(by=by))
    assert [t.title for t in made.tables if t.title.startswith("By ")] == [f"By {by}"]
    shares = {row[0]: row[1:7] for row in rows(made, f"By {by}")}
    assert (
        shares
        == {
            "human": {"user-12": (2, 0, 1, 1, 1, 3)},
            "agent": {"agent-7 (https://idp.example)": (2, 0, 1, 1, 1, 3)},
            "workload": {
                "support of account emea": (1, 0, 0, 1, 1, 3),
                "support": (1, 0, 1, 0, 0, 0),
            },
        }[by]
    )


def test_calls_without_a_verified_human_are_listed(tmp_path):
    nobody = {name: value for name, value in ACTOR.items() if name != "on_behalf_of"}
    first, last = done(actor=nobody), done(actor=nobody)
    made = audit.report(logged(tmp_path, *first, *last, *done()))
    title = "Calls without a verified human behind them"
    ((*_, times, event),) = rows(made, title)
    (table,) = (table for table in made.tables if table.title == title)
    assert "bearer.issuers[].on_behalf_of_claim" in table.note
    assert (times, event) == (2, last[0].id)
    assert "Calls that cannot be attributed to a human: 2" in " ".join(made.answer.seen)


def test_calls_without_a_token_that_got_through_are_told_with_their_endpoint(tmp_path):
    actor = {"endpoint": "claude"}
    seen = done(actor=actor, data=about("c-1"), end=about("v-1", "v-2", kind="conversation"))
    path = logged(tmp_path, *seen, *done(actor=actor))
    said = audit.report(path).answer.seen[0]
    assert "agents: none verified (2 calls without a token, at endpoint claude);" in said
    assert "read or written: 1 (and 2 of their conversations, items, tasks and" in said


def test_what_changed_stands_in_order_with_the_digest_that_was_replaced(tmp_path):
    def start(digest: str) -> Event:
        data = {"what": "start", "policy_sha256": digest * 32, "count": 1, "ready": True}
        data["sections_sha256"] = [f"audit:{digest}"]
        return Event(id=audit.event_id(), stage="lifecycle", data=data)

    made = audit.report(logged(tmp_path, start("ab"), start("ab"), start("cd")))
    (table,) = (table for table in made.tables if table.title == "What changed")
    details = [str(row[3]) for row in table.rows]
    assert details[0].startswith(f"policy_sha256: {('ab' * 6)}; count: 1; ready: yes")
    assert "→" not in details[1]
    assert not any("sections" in detail for detail in details)
    assert f"{'ab' * 6} → {'cd' * 6}" in details[2]


def test_the_results_that_could_not_be_scanned_are_counted_as_such(tmp_path):
    blocked = DENIED | {"result": "error", "reason": "unscannable", "denials": []}
    made = audit.report(
        logged(
            tmp_path,
            *done(end={"masked": {"EMAIL": 1}}),
            *done(),
            outcome(actor=ACTOR, mcp=READ, decision=blocked, outcome={"status": "sidecar_error"}),
        )
    )
    assert [row[1] for row in _table(made, "Redaction of results")] == [1, 1, 1, 0]


def _table(made: audit.Report, title: str) -> Any:
    return next(table.rows for table in made.tables if table.title == title)


# ---- words


def test_every_event_is_one_line_in_words_and_safe_on_a_terminal(tmp_path):
    odd = READ | {"tool": "x\x1b[2J\nX"}
    refusal = outcome(actor=ACTOR, mcp=odd, decision=DENIED, outcome={"status": "refused"})
    started = Event(id=audit.event_id(), stage="lifecycle", data={"what": "start", "n": 1})
    path = logged(tmp_path, started, *done(data=about("c-1")), refusal)
    said = [words.line(orjson.loads(raw)) for raw in path.read_bytes().splitlines()]
    assert [line[:22] for line in said] == ["2026-11-22T12:00:00Z  "] * 5
    assert "lifecycle  start: n 1" in said[0]
    assert "asked    agent-7" in said[1]
    assert "about customer c-1" in said[1]
    assert "went well" in said[2]
    assert "REFUSED  agent-7" in said[3]
    assert "access.tags: The tool is not in this caller's tags." in said[3]
    assert all(line.isprintable() for line in said)


def test_a_story_tells_verdict_reason_and_end(tmp_path):
    begin = intent(data=about("c-1"), decision=ALLOWED)
    end = outcome(begin.id, data={"masked": {"EMAIL": 2}}, outcome={"status": "timeout"})
    path = logged(tmp_path, begin, end)
    told = "\n".join(words.story(audit.show(path, begin.id)))
    for part in (
        "asked for get_customer about customer c-1, for the purpose refund.",
        "It was allowed; granted by access.tags.",
        "It went to the backend; the backend did not answer in time.",
        "masked before the caller saw it: 2 EMAIL",
        DIGEST,
    ):
        assert part in told


# ---- both logs


def test_logs_that_tell_the_same_are_clean(tmp_path):
    calls = [done() for _ in range(3)]
    path = logged(tmp_path / "audit", *(event for pair in calls for event in pair))
    backend = tmp_path / "backend.log"
    lines = ["starting", *(f'POST /mcp {{"x-request-id": "{c[0].id.upper()}"}}' for c in calls)]
    backend.write_text("\n".join(lines))
    compared = audit.reconcile(path, backend, "POST /mcp")
    assert compared.is_clean
    assert (compared.requests, compared.matched) == (3, 3)
    assert audit.reconcile(path, backend).unnamed == (1,)


def test_what_differs_between_the_logs_is_named(tmp_path):
    calls = [done() for _ in range(4)]
    quiet = outcome(mcp={"verb": "POST", "method": "ping"}, actor=ACTOR)
    events = [event for pair in calls for event in pair]
    path = logged(tmp_path / "audit", *events, quiet)
    stranger = audit.event_id()
    seen = [calls[0][0].id, calls[1][0].id, calls[1][0].id, calls[3][0].id, quiet.id, stranger]
    backend = tmp_path / "backend.log"
    backend.write_text("\n".join([*(f'{{"request_id":"{e}"}}' for e in seen), "POST / no id", ""]))
    compared = audit.reconcile(path, backend)
    assert compared.unknown == ((6, stranger),)
    assert compared.repeated == ((calls[1][0].id, 2),)
    assert compared.unnamed == (7,)
    assert [call.id for call in compared.unseen] == [calls[2][0].id]
    assert not compared.is_clean


def test_a_backends_log_that_cannot_be_read_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match="the backend's log cannot be read"):
        audit.reconcile(logged(tmp_path), tmp_path / "missing")
