"""Following a log: nothing left out, nothing before it stands, over rotations and restarts."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sealed import Scribe

from sidecar.audit.follower import BATCH_LINES, Cursor, Follower


class Log:
    """A log that a scribe writes into a folder, and that is rotated by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scribe = Scribe()
        self.begin = 1
        folder.mkdir(exist_ok=True)

    @property
    def live(self) -> Path:
        return self.folder / "audit.jsonl"

    def write(self, calls: int) -> None:
        before = len(self.scribe.lines)
        self.scribe.calls(calls)
        with self.live.open("ab") as file:
            file.write(b"".join(self.scribe.lines[before:]))

    def rotate(self) -> None:
        self.live.rename(self.folder / f"audit.{self.begin:012d}.jsonl")
        self.begin = self.scribe.tip.seq + 1

    def follower(self) -> Follower:
        return Follower(self.folder, self.folder / "audit.cursor.test")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "audit")


def drained(follower: Follower, upto: int) -> list[bytes]:
    found: list[bytes] = []
    while lines := (batch := follower.take(upto)).lines:
        found += lines
        follower.passed(batch)
    return found


def test_every_line_comes_once_and_in_order(log):
    log.write(3)
    follower = log.follower()
    assert drained(follower, 6) == log.scribe.lines
    log.write(2)
    assert drained(follower, 10) == log.scribe.lines[6:]
    assert drained(follower, 10) == []


def test_no_line_comes_before_the_writer_has_said_that_it_stands(log):
    log.write(3)
    follower = log.follower()
    assert drained(follower, 0) == []
    assert drained(follower, 4) == log.scribe.lines[:4]
    assert drained(follower, 6) == log.scribe.lines[4:]


def test_half_a_line_does_not_come(log):
    log.write(1)
    with log.live.open("ab") as file:
        file.write(b'{"v":1,"seq":3,"id":')
    assert drained(log.follower(), 9) == log.scribe.lines


def test_lines_that_were_not_passed_come_again(log):
    log.write(2)
    follower = log.follower()
    assert follower.take(4).lines == tuple(log.scribe.lines)
    assert follower.take(4).lines == tuple(log.scribe.lines)
    follower.close()
    assert drained(log.follower(), 4) == log.scribe.lines


def test_a_restart_goes_on_where_it_was(log):
    log.write(3)
    follower = log.follower()
    drained(follower, 4)
    follower.close()
    assert stat.S_IMODE((log.folder / "audit.cursor.test").stat().st_mode) == 0o600
    assert drained(log.follower(), 6) == log.scribe.lines[4:]


def test_a_closed_segment_is_read_to_its_end_and_then_the_next(log):
    log.write(2)
    follower = log.follower()
    drained(follower, 3)
    log.rotate()
    log.write(2)
    log.rotate()
    log.write(1)
    assert drained(follower, 10) == log.scribe.lines[3:]


def test_a_rotation_whose_new_file_is_not_there_yet_is_waited_for(log):
    log.write(2)
    follower = log.follower()
    drained(follower, 4)
    log.rotate()
    assert drained(follower, 4) == []
    log.write(1)
    assert drained(follower, 6) == log.scribe.lines[4:]


def test_segments_that_were_pruned_before_anybody_followed_are_left_out(log):
    log.write(2)
    log.rotate()
    log.write(2)
    (log.folder / "audit.000000000001.jsonl").unlink()
    assert drained(log.follower(), 8) == log.scribe.lines[4:]


@pytest.mark.parametrize("calls", [1, 9])
def test_a_cursor_of_another_log_begins_at_the_begin(log, calls):
    log.write(3)
    follower = log.follower()
    drained(follower, 6)
    follower.close()
    log.live.unlink()
    log.scribe = Scribe("pod-9:8080")
    log.write(calls)
    assert drained(log.follower(), 99) == log.scribe.lines


def test_a_cursor_is_believed_once_its_line_was_found(log):
    log.write(2)
    log.rotate()
    log.write(1)
    follower = log.follower()
    drained(follower, 4)
    follower.close()
    (log.folder / "audit.000000000001.jsonl").unlink()
    again = log.follower()
    assert again.passed_seq == 0
    assert again.take(4).lines == ()
    assert again.passed_seq == 4
    assert drained(again, 6) == log.scribe.lines[4:]


FORGED = {
    "of a number that never was": {"seq": 5_000_000},
    "of another number than its line's": {"seq": 4},
    "of another line": {"hash": "ab" * 32},
    "without a place": {"seq": 5, "offset": 0},
    "before the first segment": {"seq": 0, "first": 0},
    "at the end of a segment that is gone": {"seq": 6, "first": 1, "hash": "ab" * 32},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_cursor_that_the_log_does_not_bear_out_counts_for_nothing(log, forged):
    log.write(3)
    follower = log.follower()
    drained(follower, 6)
    follower.close()
    log.rotate()
    log.write(1)
    if forged.get("first") == 1:
        (log.folder / "audit.000000000001.jsonl").unlink()
    file = log.folder / "audit.cursor.test"
    file.write_text(json.dumps(json.loads(file.read_text()) | forged))
    again = log.follower()
    with structlog.testing.capture_logs() as told:
        again.take(8)
    assert again.passed_seq == 0
    if forged.get("seq"):
        assert [(line["log_level"], line["file"]) for line in told] == [
            ("warning", "audit.cursor.test")
        ]
    expected = log.scribe.lines[6:] if forged.get("first") == 1 else log.scribe.lines
    assert drained(again, 8) == expected


@pytest.mark.parametrize(
    "kept", [b"", b"x", b"[]", b'{"seq":-1}', b'{"seq":"1"}', b'{"seq":1,"hash":2}', b'{"x":1}']
)
def test_a_cursor_that_makes_no_sense_begins_at_the_begin(log, kept):
    log.write(1)
    (log.folder / "audit.cursor.test").write_bytes(kept)
    follower = log.follower()
    assert follower.cursor == Cursor()
    assert drained(follower, 2) == log.scribe.lines


def test_a_folder_without_a_log_has_no_lines(log):
    assert drained(log.follower(), 9) == []


def test_a_batch_is_bounded(log):
    log.write(BATCH_LINES)
    follower = log.follower()
    assert len(follower.take(BATCH_LINES * 2).lines) == BATCH_LINES
    assert drained(follower, BATCH_LINES * 2) == log.scribe.lines


def test_a_cursor_that_cannot_be_kept_stays_in_memory(log):
    log.write(2)
    follower = log.follower()
    (log.folder / "audit.cursor.test.new").mkdir()
    assert drained(follower, 4) == log.scribe.lines
    assert drained(follower, 4) == []


STEPS = st.lists(
    st.one_of(st.integers(1, 4), st.sampled_from(["rotate", "take", "pass", "restart"])),
    max_size=25,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(steps=STEPS)
def test_whatever_happens_in_between_nothing_is_left_out(tmp_path_factory, steps):
    log = Log(tmp_path_factory.mktemp("log"))
    follower = log.follower()
    found: list[bytes] = []
    for step in [*steps, "restart"]:
        if isinstance(step, int):
            log.write(step)
        elif step == "rotate" and log.live.exists():
            log.rotate()
        elif step == "restart":
            follower.close()
            follower = log.follower()
        else:
            batch = follower.take(log.scribe.tip.seq)
            if step == "pass":
                found += batch.lines
                follower.passed(batch)
    found += drained(follower, log.scribe.tip.seq)
    follower.close()
    assert found == log.scribe.lines
