"""Verifying: each way to tamper with a log, anchors, accounts of intents, and finding an event."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_audit_event import EVENTS, intent, line_of, outcome, records
from test_audit_writer import run, writer

from sidecar import audit
from sidecar.audit.chain import GENESIS, MAX_LINE_BYTES
from sidecar.audit.verification import MAX_PROBLEMS
from sidecar.errors import ConfigError
from sidecar.model import Event

IN_ONE_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)


def chain(*events: Event) -> bytes:
    """Seal events into a log without a writer, as somebody who rewrites history would."""
    log, prev = b"", GENESIS
    for seq, event in enumerate(events, 1):
        raw = line_of(event, seq=seq, prev=prev)
        log, prev = log + raw, json.loads(raw)["hash"]
    return log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Five records: two calls and the stop."""
    whole = writer(tmp_path)
    first, second = intent(), intent()
    run(whole, first, outcome(first.id), second, outcome(second.id))
    whole.close()
    return tmp_path / "audit.jsonl"


def rewrite(path: Path, *order: int) -> None:
    """Put the lines with these numbers back, in this order."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number - 1] for number in order))


def rechain(path: Path, **changed: Any) -> None:
    """Edit the first record and seal all of them again."""
    old, prev, new = records(path), GENESIS, b""
    for record in old:
        sections = {k: v for k, v in record.items() if k in {"id", "stage", "ref", "actor", "mcp"}}
        sections |= {k: record[k] for k in ("decision", "data", "outcome") if k in record}
        sections |= changed if record["seq"] == 1 else {}
        raw = line_of(Event(**sections), seq=record["seq"], prev=prev)
        new, prev = new + raw, json.loads(raw)["hash"]
    path.write_bytes(new)


def test_an_untouched_log_is_valid_and_gives_its_anchor(log):
    found = audit.verify(log)
    assert (found.is_valid, found.problems, found.first_bad_line) == (True, (), None)
    assert (found.events, found.has_clean_stop) == (5, True)
    assert found.head == f"5:{records(log)[-1]['hash']}"
    anchored = audit.verify(log, found.head)
    assert (anchored.is_valid, anchored.head, anchored.anchored_upto) == (True, found.head, 5)


def test_an_edited_record_is_found(log):
    log.write_bytes(log.read_bytes().replace(b"get_customer", b"get_custumer", 1))
    found = audit.verify(log)
    assert (found.is_valid, found.first_bad_line) == (False, 1)
    assert found.problems == ("Line 1: it was changed after it was written.",)


def test_an_edited_record_that_states_a_fitting_hash_breaks_the_next_one(log):
    lines = log.read_bytes().splitlines(keepends=True)
    edited = line_of(intent(mcp={"method": "ping"}))
    log.write_bytes(edited + b"".join(lines[1:]))
    found = audit.verify(log)
    assert (found.is_valid, found.first_bad_line) == (False, 2)


@pytest.mark.parametrize(
    ("order", "first_bad", "gaps"),
    [
        ((2, 3, 4, 5), 1, ((1, 1),)),
        ((1, 2, 5), 3, ((3, 4),)),
        ((1, 3, 2, 4, 5), 2, ((2, 2), (3, 3))),
        ((1, 2, 2, 3, 4, 5), 3, ()),
        ((5, 4, 3, 2, 1), 1, ((1, 4),)),
    ],
)
def test_removed_swapped_and_repeated_records_are_found(log, order, first_bad, gaps):
    rewrite(log, *order)
    found = audit.verify(log)
    assert (found.is_valid, found.first_bad_line, found.gaps) == (False, first_bad, gaps)


def test_an_inserted_empty_line_is_found(log):
    log.write_bytes(log.read_bytes().replace(b"}\n", b"}\n\n", 1))
    assert audit.verify(log).first_bad_line == 2


def test_a_history_written_anew_is_found_only_with_an_anchor(log):
    anchor = audit.verify(log).head
    rechain(log, actor={"endpoint": "somebody else"})
    assert audit.verify(log).is_valid
    found = audit.verify(log, anchor)
    assert not found.is_valid
    assert "rewritten" in found.problems[0]


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_cut_tail_is_found_only_with_an_anchor(log, kept):
    anchor = audit.verify(log).head
    rewrite(log, *range(1, kept + 1))
    assert audit.verify(log).is_valid
    assert not audit.verify(log).has_clean_stop
    found = audit.verify(log, anchor)
    assert not found.is_valid
    assert f"ends at record {kept}" in found.problems[0]


def test_an_older_anchor_holds_while_the_log_grows(log):
    anchor = audit.verify(log).head
    again = writer(log.parent)
    run(again, intent())
    again.close()
    assert audit.verify(log, anchor).is_valid


def test_a_tail_cut_after_the_anchor_is_beyond_it(log):
    """(known gap) An anchor proves what was there when it was taken."""
    third = records(log)[2]
    rewrite(log, 1, 2, 3)
    assert audit.verify(log, f"3:{third['hash']}").is_valid


@pytest.mark.parametrize("anchor", ["", "5", "5:abc", f"-1:{GENESIS}", f"x:{GENESIS}"])
def test_a_malformed_anchor_is_refused_with_its_form(log, anchor):
    with pytest.raises(ConfigError, match="seq:hash"):
        audit.verify(log, anchor)


def test_the_anchor_of_an_empty_log_holds_for_each_log(log):
    assert audit.verify(log, f"0:{GENESIS}").is_valid
    assert not audit.verify(log, "0:" + "1" * 64).is_valid


def test_half_a_line_at_the_end_is_found_and_explained(log):
    log.write_bytes(log.read_bytes()[:-20])
    found = audit.verify(log)
    assert (found.is_valid, found.first_bad_line) == (False, 5)
    assert "half a line" in found.problems[0]


def test_a_line_longer_than_any_writer_writes_is_read_in_bounded_pieces(log):
    log.write_bytes(b"x" * (MAX_LINE_BYTES + 5) + b"\n" + log.read_bytes())
    found = audit.verify(log)
    assert found.first_bad_line == 1
    assert "longer than" in found.problems[0]


def test_a_second_edit_is_found_behind_the_first(log):
    lines = log.read_bytes().splitlines(keepends=True)
    lines[0] = lines[0].replace(b"allow", b"alloy")
    lines[3] = lines[3].replace(b'"http":200', b'"http":500')
    log.write_bytes(b"".join(lines))
    found = audit.verify(log)
    assert [problem[:7] for problem in found.problems] == ["Line 1:", "Line 4:"]


def test_problems_are_kept_within_bounds(log):
    log.write_bytes(line_of(intent()) + b"junk\n" * (MAX_PROBLEMS * 3))
    found = audit.verify(log)
    assert len(found.problems) == MAX_PROBLEMS
    assert found.events == MAX_PROBLEMS * 3 + 1


def test_a_sealed_line_that_is_no_record_is_found(log):
    raw = line_of(intent()).replace(b'"seq":1', b'"seq":"1"')
    hashed = raw[:-76]
    log.write_bytes(hashed + b',"hash":"' + sha256(hashed).hexdigest().encode() + b'"}\n')
    assert "no record" in audit.verify(log).problems[0]


def test_a_record_of_a_newer_schema_is_not_vouched_for(log, monkeypatch):
    monkeypatch.setattr("sidecar.audit.chain.VERSION", 2)
    log.write_bytes(line_of(intent()))
    assert "newer sidecar" in audit.verify(log).problems[0]


def test_a_missing_log_is_told_with_its_name(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.jsonl: the audit log cannot be read"):
        audit.verify(tmp_path / "nowhere.jsonl")


@pytest.mark.thorough
@IN_ONE_FOLDER
@given(events=st.lists(EVENTS, min_size=1, max_size=5))
def test_any_events_verify(tmp_path, events):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(chain(*events))
    found = audit.verify(path)
    assert (found.is_valid, found.events, found.gaps) == (True, len(events), ())
    assert audit.verify(path, found.head).is_valid


@IN_ONE_FOLDER
@given(data=st.data())
def test_any_changed_byte_is_found(tmp_path, data):
    whole = chain(intent(), outcome(), Event(id="x", stage="lifecycle", data={"what": "stop"}))
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    path = tmp_path / "audit.jsonl"
    path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
    assert not audit.verify(path).is_valid


def test_every_single_bit_of_a_log_counts(tmp_path):
    whole = chain(Event(id="x", stage="admin", data={"what": "export"}), outcome())
    path = tmp_path / "audit.jsonl"
    for place, byte in enumerate(whole):
        path.write_bytes(whole[:place] + bytes([byte ^ 1 << place % 8]) + whole[place + 1 :])
        assert not audit.verify(path).is_valid, place


@IN_ONE_FOLDER
@given(raw=st.binary(max_size=400))
def test_no_file_makes_a_reader_fail(tmp_path, raw):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(raw)
    assert audit.verify(path).is_valid is (raw == b"")
    assert audit.show(path, "x") == []
    assert audit.report(path).text()


@IN_ONE_FOLDER
@given(
    members=st.dictionaries(
        st.sampled_from(["id", "ref", "stage", "ts", "actor", "mcp", "data", "outcome", "v"]),
        st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers())),
    )
)
def test_no_shape_of_a_record_makes_a_reader_fail(tmp_path, members):
    record = {"seq": 1, "prev": "", "decision": {"denials": [1], "hidden_tools": {}}} | members
    path = tmp_path / "audit.jsonl"
    path.write_text(json.dumps(record) + "\n")
    assert not audit.verify(path).is_valid
    audit.show(path, "1")
    assert audit.report(path).markdown()


def test_intents_without_outcome_and_outcomes_without_intent_are_listed(tmp_path):
    ended, lost, refused = intent(), intent(), outcome()
    stray, second = outcome(audit.event_id()), outcome(ended.id)
    log = writer(tmp_path)
    run(log, ended, lost, refused, outcome(ended.id), stray, second)
    log.close()
    found = audit.verify(tmp_path / "audit.jsonl")
    assert found.is_valid
    assert found.open_intents == (lost.id,)
    assert found.stray_outcomes == (stray.id, second.id)


def test_show_finds_the_whole_call_by_the_id_of_either_half(tmp_path):
    begin, other = intent(), intent()
    end = outcome(begin.id)
    log = writer(tmp_path)
    run(log, begin, other, end, outcome(other.id))
    log.close()
    path = tmp_path / "audit.jsonl"
    for event in (begin.id, end.id):
        assert [record["id"] for record in audit.show(path, event)] == [begin.id, end.id]


def test_show_finds_a_refusal_alone_and_nothing_for_a_strange_id(tmp_path):
    refusal = outcome()
    log = writer(tmp_path)
    run(log, intent(), refusal)
    log.close()
    path = tmp_path / "audit.jsonl"
    assert [record["id"] for record in audit.show(path, refusal.id)] == [refusal.id]
    for strange in ("", "agent-7", audit.event_id(), refusal.id[:8], "\ud800"):
        assert audit.show(path, strange) == []
