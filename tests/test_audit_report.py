"""Reports: what a reviewer reads about a log that a real writer wrote."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_audit_event import ACTOR, ALLOWED, DIGEST, NOON, WRITE, intent, outcome, records
from test_audit_writer import run, writer

from sidecar import audit
from sidecar.model import Event

AGENT = "agent-7 (https://idp.example) at support for user-12"
CALL = {"method": "tools/call", "tool": "get_customer", "effect": "read"}


def rows(found: audit.Report, title: str) -> set[tuple[str | int, ...]]:
    """The rows of a table; those of Denials without the id, which is another one each time."""
    if title == "Denials":
        return {row[:-1] for table in found.tables if table.title == title for row in table.rows}
    return {row for table in found.tables if table.title == title for row in table.rows}


def box(found: audit.Report) -> dict[str | int, str | int]:
    return {row[0]: row[1] for row in found.integrity().rows}


def logged(folder: Path, *events: Event) -> Path:
    log = writer(folder)
    run(log, *events)
    log.close()
    records(folder / "audit.jsonl")  # every event is one that the schema allows
    return folder / "audit.jsonl"


def test_a_call_is_counted_once_with_the_words_of_its_intent(tmp_path):
    begin = intent()
    found = audit.report(logged(tmp_path, begin, outcome(begin.id)))
    assert rows(found, "Calls") == {(AGENT, "get_customer", "ok", 1)}
    assert found.events == 3


def test_a_call_without_outcome_is_counted_as_that(tmp_path):
    found = audit.report(logged(tmp_path, intent(mcp=WRITE)))
    assert rows(found, "Calls") == {(AGENT, "create_note", "unknown end", 1)}
    assert rows(found, "Writes forwarded") == {
        (AGENT, "create_note", "write", "unknown end", 1),
    }


def test_personal_data_is_summed_by_actor_entity_and_fate(tmp_path):
    first, second = intent(data={"findings_in": {"EMAIL": 1}}), intent()
    data = {"found": {"EMAIL": 3, "PHONE": 1}, "masked": {"EMAIL": 2}, "kept": {"PHONE": 1}}
    path = logged(
        tmp_path, first, outcome(first.id, data=data), second, outcome(second.id, data=data)
    )
    assert rows(audit.report(path), "Personal data") == {
        (AGENT, "EMAIL", "sent in arguments", 1),
        (AGENT, "EMAIL", "found in results", 6),
        (AGENT, "EMAIL", "masked", 4),
        (AGENT, "PHONE", "found in results", 2),
        (AGENT, "PHONE", "returned", 2),
    }


def test_accesses_are_listed_by_subject_once_a_call(tmp_path):
    about = [{"kind": "customer", "id": "c-1"}]
    more = [*about, {"kind": "task", "id": "t-1"}]
    begin = intent(data={"subjects": about})
    found = audit.report(logged(tmp_path, begin, outcome(begin.id, data={"subjects": more})))
    assert rows(found, "Accesses by subject") == {
        ("customer", "c-1", AGENT, "get_customer", "ok", 1),
        ("task", "t-1", AGENT, "get_customer", "ok", 1),
    }
    assert rows(found, "Refused attempts by subject") == set()


def test_an_access_whose_end_nobody_recorded_is_an_access(tmp_path):
    about = {"subjects": [{"kind": "customer", "id": "c-1"}]}
    found = audit.report(logged(tmp_path, intent(data=about)))
    assert rows(found, "Accesses by subject") == {
        ("customer", "c-1", AGENT, "get_customer", "unknown end", 1),
    }


def test_writes_are_those_that_were_forwarded(tmp_path):
    begin = intent(mcp=WRITE)
    refusal = outcome(actor=ACTOR, mcp=WRITE, outcome={"status": "refused"})
    found = audit.report(logged(tmp_path, begin, outcome(begin.id), refusal))
    assert rows(found, "Writes forwarded") == {(AGENT, "create_note", "write", "ok", 1)}


def test_lines_with_statuses_of_another_time_are_still_counted(tmp_path):
    log = writer(tmp_path)
    old: dict[str, Any] = {
        "actor": ACTOR,
        "mcp": CALL,
        "data": {"subjects": [{"kind": "customer", "id": "c"}]},
    }
    run(log, outcome(**old, outcome={"status": "finished"}), outcome(**old, outcome={"status": 7}))
    log.close()
    found = audit.report(tmp_path / "audit.jsonl")
    assert {row[2] for row in rows(found, "Calls")} == {"finished", "7"}
    assert {row[4] for row in rows(found, "Accesses by subject")} == {"finished", "7"}


def test_a_report_says_that_personal_data_is_counted_by_place(tmp_path):
    begin = intent()
    seen = outcome(begin.id, data={"found": {"EMAIL": 2}})
    found = audit.report(logged(tmp_path, begin, seen))
    for printed in (found.text(), found.markdown()):
        assert "a result may carry the same value as text and as data." in printed


def test_each_policy_is_listed_with_its_first_and_last_use(tmp_path):
    times = iter([NOON + timedelta(minutes=minute) for minute in range(9)])
    log = writer(tmp_path, clock=lambda: next(times))
    for digest in (DIGEST, DIGEST, "cd" * 32):
        begin = intent(decision=ALLOWED | {"policy_sha256": digest})
        run(log, begin, outcome(begin.id))
    log.close()
    assert rows(audit.report(tmp_path / "audit.jsonl"), "Policies seen") == {
        ("2026-11-22T12:01:00.000000Z", "2026-11-22T12:03:00.000000Z", DIGEST, 2),
        ("2026-11-22T12:05:00.000000Z", "2026-11-22T12:05:00.000000Z", "cd" * 32, 1),
    }


def test_lifecycle_and_administration_are_listed(tmp_path):
    export = Event(id=audit.event_id(), stage="admin", data={"what": "export"})
    found = audit.report(logged(tmp_path, export))
    assert rows(found, "Lifecycle and administration") == {
        ("admin", "export", 1),
        ("lifecycle", "stop", 1),
    }


def test_what_happened_outside_the_span_is_left_out(tmp_path):
    path = logged(tmp_path, intent(), outcome())
    found = audit.report(path, until=NOON)
    assert found.events == 0
    assert not any(table.rows for table in found.tables)


@pytest.mark.parametrize(
    ("since", "until", "counted"),
    [(None, None, 3), (1, None, 2), (None, 1, 1), (1, 2, 1), (3, None, 0)],
)
def test_a_report_has_what_began_at_since_and_ended_before_until(tmp_path, since, until, counted):
    def at(minute: int | None) -> datetime | None:
        return None if minute is None else NOON + timedelta(minutes=minute)

    times = iter([NOON + timedelta(minutes=minute) for minute in range(4)])
    log = writer(tmp_path, clock=lambda: next(times))
    refusals = [outcome(actor=ACTOR, mcp=CALL, outcome={"status": "refused"}) for _ in range(3)]
    run(log, *refusals)
    log.close()
    found = audit.report(tmp_path / "audit.jsonl", since=at(since), until=at(until))
    assert sum(int(row[-1]) for row in rows(found, "Calls")) == counted


def test_a_call_that_began_before_the_span_keeps_its_actor(tmp_path):
    times = iter([NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=2)])
    log = writer(tmp_path, clock=lambda: next(times))
    begin = intent()
    run(log, begin, outcome(begin.id))
    log.close()
    found = audit.report(tmp_path / "audit.jsonl", since=NOON + timedelta(minutes=1))
    assert rows(found, "Calls") == {(AGENT, "get_customer", "ok", 1)}


def test_the_integrity_box_tells_a_tampered_log(tmp_path):
    path = logged(tmp_path, intent())
    whole = box(audit.report(path))
    assert (whole["verified"], whole["intents without outcome"]) == ("yes", 1)
    path.write_bytes(path.read_bytes().replace(b"get_customer", b"got_customer"))
    found = audit.report(path)
    broken = box(found)
    assert (broken["verified"], broken["first bad line"]) == ("NO", 1)
    for printed in (found.text(), found.markdown()):
        assert "it was changed after it was written" in printed


def test_text_and_markdown_hold_every_section(tmp_path):
    found = audit.report(logged(tmp_path, intent()), since=NOON - timedelta(days=1))
    for printed in (found.text(), found.markdown()):
        for table in (found.integrity(), *found.tables):
            assert table.title in printed
        assert "from 2026-11-21T12:00:00.000000Z until the end" in printed


def test_a_call_whose_subjects_nobody_knows_is_listed_beside_the_answer(tmp_path):
    begin = intent()
    end = outcome(begin.id, data={"subjects_unknown": True, "masked": {"EMAIL": 1}})
    made = audit.review(logged(tmp_path, begin, end), audit.Asked(subject="c-1"))
    found = [t for t in made.tables if t.title == "Calls about more subjects than are listed"]
    assert [row[-1] for table in found for row in table.rows] == [1]
