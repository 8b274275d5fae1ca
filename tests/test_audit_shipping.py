"""Shipping: the same bytes at every sink, sinks that hang or fail, and catching up afterwards."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog
from sealed import Scribe, lifecycle

from sidecar.audit.shipping import Progress, Shipping
from sidecar.audit.sinks import Stdout, Undelivered

BOUND = 20.0
"""Seconds after which a test gives up waiting."""


class Collector:
    """A sink in memory that fails or hangs when told to."""

    name = "collector"

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.is_broken = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.asked = threading.Event()

    def send(self, lines: Sequence[bytes]) -> None:
        self.asked.set()
        if not self.may_go_on.wait(BOUND):
            raise AssertionError("nobody let it go on")
        if self.is_broken:
            raise Undelivered("it is broken")
        self.lines += lines

    def close(self) -> None:
        pass


class Log:
    """A folder's log, and the shipping that follows it."""

    def __init__(self, folder: Path, *sinks: object) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.scribe = Scribe()
        self.shipping = Shipping(folder, sinks, retry=0.01)  # type: ignore[arg-type]
        self.shipping.start()

    def write(self, calls: int = 1) -> None:
        before = len(self.scribe.lines)
        self.scribe.calls(calls)
        self.flush(before)

    def checkpoint(self) -> str:
        before = len(self.scribe.lines)
        note = self.scribe.checkpoint()
        self.flush(before)
        return note

    def flush(self, before: int) -> None:
        with (self.folder / "audit.jsonl").open("ab") as file:
            file.write(b"".join(self.scribe.lines[before:]))
        self.shipping.written(self.scribe.tip)

    def of(self, sink: str) -> Progress:
        (found,) = [p for p in self.shipping.progress() if p.sink == sink]
        return found

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what the shipping's threads do, with a bound."""
        tick = threading.Event()
        for _ in range(int(BOUND * 100)):
            if is_so():
                return
            tick.wait(0.01)
        raise AssertionError("it did not come to that")


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
def log(tmp_path: Path, collector: Collector) -> Iterator[Log]:
    log = Log(tmp_path / "audit", collector)
    yield log
    collector.may_go_on.set()
    log.shipping.close(BOUND)


def test_every_line_arrives_byte_for_byte(log, collector):
    log.write(3)
    log.until(lambda: log.of("collector").upto == 6)
    log.write(2)
    log.until(lambda: log.shipping.acknowledged() == 10)
    assert collector.lines == log.scribe.lines
    assert log.of("collector") == Progress("collector", 10, 0, 0.0, 0, "")


def test_a_sink_that_hangs_holds_up_neither_the_writer_nor_another_sink(log, collector):
    collector.may_go_on.clear()
    with structlog.testing.capture_logs() as told:
        note = log.checkpoint()
        log.until(lambda: log.of("anchors").upto == 1)
    assert collector.asked.wait(BOUND)
    assert [line["note"] for line in told if line["event"] == "audit anchor"] == [note]
    late = log.of("collector")
    assert (late.upto, late.lag_lines) == (0, 1)
    assert late.lag_seconds > 0
    assert log.shipping.acknowledged() == 0


def test_a_sink_that_fails_is_told_once_and_catches_up_without_a_loss(log, collector):
    collector.is_broken = True
    with structlog.testing.capture_logs() as told:
        log.write(2)
        log.until(lambda: log.of("collector").failures >= 3)
        log.write(2)
        failing = log.of("collector")
        assert failing.cause == "it is broken"
        assert "audit lines wait for collector (" in log.shipping.told()
        collector.is_broken = False
        log.until(lambda: log.of("collector").lag_lines == 0)
        log.until(lambda: not log.shipping.told())
    assert collector.lines == log.scribe.lines
    events = [line["event"] for line in told]
    assert events.count("audit lines are not shipped") == 1
    assert events.count("audit lines are shipped again") == 1


def test_what_was_not_delivered_before_the_end_arrives_after_the_next_start(tmp_path, collector):
    collector.is_broken = True
    log = Log(tmp_path / "audit", collector)
    log.write(3)
    log.until(lambda: log.of("collector").failures > 0)
    log.shipping.close(BOUND)
    again = Shipping(log.folder, [collector], retry=0.01)
    collector.is_broken = False
    again.written(log.scribe.tip)
    again.start()
    again.close(BOUND)
    assert collector.lines == log.scribe.lines
    assert again.acknowledged() == 6


def test_a_cursor_of_another_log_lets_nothing_count_as_shipped(tmp_path, collector):
    """What counts as shipped may be pruned: evidence that nobody has would be lost."""
    folder = tmp_path / "audit"
    folder.mkdir()
    for sink in ("anchors", "collector"):
        kept = {"seq": 5_000_000, "hash": "ab" * 32, "first": 4_900_000, "offset": 1234}
        (folder / f"audit.cursor.{sink}").write_text(json.dumps(kept))
    collector.is_broken = True
    log = Log(folder, collector)
    assert log.shipping.acknowledged() == 0
    log.write(3)
    log.until(lambda: log.of("collector").failures > 0)
    assert log.shipping.acknowledged() == 0
    collector.is_broken = False
    log.until(lambda: log.shipping.acknowledged() == 6)
    assert collector.lines == log.scribe.lines
    log.shipping.close(BOUND)


def test_the_end_waits_for_what_was_written_last(log, collector):
    log.write(50)
    log.shipping.close(BOUND)
    assert collector.lines == log.scribe.lines


def test_the_end_does_not_wait_for_a_sink_that_hangs(tmp_path, collector):
    collector.may_go_on.clear()
    log = Log(tmp_path / "audit", collector)
    log.write()
    assert collector.asked.wait(BOUND)
    log.shipping.close(0.05)
    assert log.of("collector").lag_lines == 2
    collector.may_go_on.set()


def test_nothing_counts_as_shipped_where_no_sink_is_wanted(tmp_path):
    log = Log(tmp_path / "audit")
    log.write()
    log.until(lambda: log.of("anchors").upto == 2)
    assert log.shipping.acknowledged() == 0
    log.shipping.close(BOUND)


def test_a_sink_whose_thread_died_is_told(tmp_path, monkeypatch):
    class Faulty(Collector):
        def send(self, lines: Sequence[bytes]) -> None:
            raise RuntimeError("a fault of ours")

    died = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())
    log = Log(tmp_path / "audit", Faulty())
    log.write()
    assert died.wait(BOUND)
    log.until(lambda: log.of("collector").cause == "its thread has ended")
    log.shipping.close(0.05)


def test_an_event_that_only_names_a_checkpoint_is_no_anchor(log):
    """Whoever calls a tool can put those words into its name."""
    before = len(log.scribe.lines)
    with structlog.testing.capture_logs() as told:
        log.scribe.add(lifecycle("start", note="x", tool='"what":"checkpoint"', data="checkpoint"))
        log.flush(before)
        log.until(lambda: log.of("anchors").upto == 1)
    assert told == []


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for fd in (read, write):
        os.close(fd)


def all_of(fd: int) -> bytes:
    os.set_blocking(fd, False)
    found = b""
    while True:
        try:
            found += os.read(fd, 1 << 16)
        except BlockingIOError:
            return found


def test_standard_output_gets_each_line_as_one_string(pipe):
    read, write = pipe
    scribe = Scribe()
    scribe.calls(2)
    Stdout(1.0, write).send(scribe.lines)
    outer = all_of(read).splitlines()
    assert [json.loads(line)["audit"].encode() + b"\n" for line in outer] == scribe.lines
    assert all(list(json.loads(line)) == ["audit"] for line in outer)


def test_standard_output_that_nobody_reads_is_given_up_in_time_and_goes_on_whole(pipe):
    read, write = pipe
    scribe = Scribe()
    for _ in range(20):
        scribe.add(lifecycle("start", much="x" * 10_000))
    sink = Stdout(0.05, write)
    with pytest.raises(Undelivered, match="nobody read standard output"):
        sink.send(scribe.lines)
    assert not all_of(read).endswith(b"\n"), "it was cut within a line"
    sink.send(scribe.lines[-1:])
    rest, line = all_of(read).splitlines()
    assert rest == b""
    assert json.loads(line)["audit"].encode() + b"\n" == scribe.lines[-1]


def test_standard_output_that_was_closed_is_told():
    read, write = os.pipe()
    os.close(read)
    scribe = Scribe()
    scribe.calls(1)
    with pytest.raises(Undelivered, match="standard output: Broken pipe"):
        Stdout(0.05, write).send(scribe.lines)
    os.close(write)
