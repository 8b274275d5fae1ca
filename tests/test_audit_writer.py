"""Recording: the chain, durability, group commit, locks, modes, starts and stops.

Over 300 lines: what a record promises, from the first byte to the stop, is read together.
"""

import asyncio
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from test_audit_event import NOON, intent, outcome, records

from sidecar import audit
from sidecar.audit.chain import GENESIS
from sidecar.errors import ConfigError, OrganDown
from sidecar.model import Event


def writer(folder: Path, **changed: Any) -> audit.Writer:
    usual: dict[str, Any] = {"instance": "p-0/1", "clock": lambda: NOON, "max_bytes": 1 << 24}
    return audit.Writer(folder, **(usual | changed))


def run(log: audit.Writer, *events: Event, is_synced: bool = False) -> None:
    async def record_all() -> None:
        for event in events:
            await log.record(event, is_synced=is_synced)

    asyncio.run(record_all())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def syncs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the file at the beginning of each fdatasync of this test, which are real ones."""
    sizes: list[int] = []
    real: Callable[[int], None] = os.fdatasync

    def noting(fd: int) -> None:
        # Another test's writer may still be syncing in a thread of its own.
        if Path(f"/proc/self/fd/{fd}").resolve().is_relative_to(folder.resolve()):
            sizes.append(os.fstat(fd).st_size)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", noting)
    return sizes


def test_the_log_and_its_folder_are_for_the_owner_alone(folder):
    writer(folder).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "audit.jsonl").stat().st_mode) == 0o600


def test_records_are_numbered_and_each_names_the_hash_before_it(folder):
    log = writer(folder)
    run(log, intent(), outcome(), intent())
    found = records(folder / "audit.jsonl")
    assert [record["seq"] for record in found] == [1, 2, 3]
    assert [record["prev"] for record in found] == [GENESIS, found[0]["hash"], found[1]["hash"]]
    assert log.head == f"3:{found[2]['hash']}"
    log.close()


def test_a_written_record_is_in_the_file_when_record_returns(folder, syncs):
    log = writer(folder)
    event = intent()
    run(log, event)
    assert [record["id"] for record in records(folder / "audit.jsonl")] == [event.id]
    assert syncs == []
    log.close()


def test_a_synced_record_returns_after_a_sync(folder, syncs):
    log = writer(folder)
    run(log, intent(), is_synced=True)
    assert len(syncs) == 1
    log.close()


def test_records_that_wait_together_share_syncs(folder, syncs):
    log = writer(folder)

    async def record_64() -> None:
        await asyncio.gather(*(log.record(intent(), is_synced=True) for _ in range(64)))

    asyncio.run(record_64())
    assert 1 <= len(syncs) <= 2  # one for the first, one for all that came while it ran
    log.close()
    found = audit.verify(folder / "audit.jsonl", log.head)
    assert (found.is_valid, found.events) == (True, 65)


def test_a_sync_that_began_before_a_line_was_written_does_not_cover_it(folder, monkeypatch):
    """A record returns only after a sync that began after its own line was written."""
    log = writer(folder)
    began, may_end, sizes = threading.Event(), threading.Event(), []
    real: Callable[[int], None] = os.fdatasync

    def held(fd: int) -> None:
        sizes.append(os.fstat(fd).st_size)
        began.set()
        may_end.wait(10)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", held)

    async def overlap() -> tuple[int, int]:
        first = asyncio.ensure_future(log.record(intent(), is_synced=True))
        await asyncio.to_thread(began.wait, 10)
        before = log._segment.size
        second = asyncio.ensure_future(log.record(outcome(), is_synced=True))
        await asyncio.sleep(0)  # one turn of the loop: the second line is written
        may_end.set()
        await asyncio.gather(first, second)
        return before, log._segment.size

    before, after = asyncio.run(overlap())
    assert before < after
    assert sizes == [before, after]
    log.close()


def test_a_cancelled_caller_leaves_the_log_and_the_others_as_they_were(folder):
    log = writer(folder)

    async def cancel_one() -> None:
        waiting = [asyncio.ensure_future(log.record(intent(), is_synced=True)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert results[1:] == [None, None]

    asyncio.run(cancel_one())
    log.close()
    assert audit.verify(folder / "audit.jsonl").is_valid


def test_buffered_events_stand_before_the_next_record_in_the_order_they_came(folder):
    log = writer(folder)
    first, second, last = outcome(), outcome(), intent()
    log.record_soon(first)
    log.record_soon(second)
    assert (folder / "audit.jsonl").read_bytes() == b""
    assert log.head == f"0:{GENESIS}"
    run(log, last)
    ids = [record["id"] for record in records(folder / "audit.jsonl")]
    assert ids == [first.id, second.id, last.id]
    log.close()


def test_buffered_events_are_written_at_the_stop(folder):
    log = writer(folder)
    log.record_soon(outcome())
    log.close()
    assert [r["stage"] for r in records(folder / "audit.jsonl")] == ["outcome", "lifecycle"]


def test_a_buffered_event_without_a_record_after_it_is_written_by_the_next_tick(folder):
    log = writer(folder)
    log.record_soon(outcome())
    asyncio.run(log.tick())
    assert len(records(folder / "audit.jsonl")) == 1
    log.close()


def test_the_buffer_is_written_before_it_grows_without_bound(folder):
    log = writer(folder)

    async def many() -> None:
        for _ in range(200):
            log.record_soon(outcome())

    asyncio.run(many())
    assert len(log._commits._waiting) < 200
    log.close()
    assert audit.verify(folder / "audit.jsonl").events == 201


def test_the_stop_names_the_head_before_it_and_is_the_head_after_it(folder, syncs):
    log = writer(folder)
    run(log, intent())
    before = log.head
    log.close()
    stop = records(folder / "audit.jsonl")[-1]
    assert stop["data"] == {"what": "stop", "head": before}
    assert log.head == f"2:{stop['hash']}"
    assert len(syncs) == 1


def test_closing_twice_writes_one_stop_and_nothing_is_recorded_after_it(folder):
    log = writer(folder)
    log.close()
    log.close()
    assert not log.is_healthy
    assert not asyncio.run(log.revive())
    for attempt in (lambda: run(log, intent()), lambda: log.record_soon(intent())):
        with pytest.raises(OrganDown) as refused:
            attempt()
        assert refused.value.reason == "audit_unwritable"
    assert len(records(folder / "audit.jsonl")) == 1


def test_the_next_run_continues_the_chain(folder):
    for _ in range(2):
        log = writer(folder)
        run(log, intent())
        log.close()
    found = audit.verify(folder / "audit.jsonl", log.head)
    assert (found.is_valid, found.events, found.unclean_stops) == (True, 4, 0)


def test_the_next_run_says_that_the_last_one_did_not_stop(folder):
    log = writer(folder)
    run(log, intent())
    log._segment.close()  # as a killed process leaves it
    again = writer(folder)
    assert records(folder / "audit.jsonl")[-1]["data"] == {"what": "recovered", "torn_bytes": 0}
    again.close()
    found = audit.verify(folder / "audit.jsonl")
    assert (found.is_valid, found.unclean_stops, found.has_clean_stop) == (True, 1, True)


@pytest.mark.parametrize("torn", [b"{", b'{"v":1,"seq":2,"id":"half', b"\0" * 200_000])
def test_a_torn_last_line_is_moved_out_unchanged_and_told_of(folder, torn):
    log = writer(folder)
    run(log, intent())
    log._segment.close()
    path = folder / "audit.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    writer(folder).close()
    kept = folder / "audit.torn.1"
    assert kept.read_bytes() == torn
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(whole)
    assert records(path)[1]["data"] == {
        "what": "recovered",
        "torn_bytes": len(torn),
        "torn_file": "audit.torn.1",
        "torn_sha256": sha256(torn).hexdigest(),
    }
    assert audit.verify(path).is_valid


def test_each_torn_line_keeps_a_file_of_its_own(folder):
    for text in (b"first", b"second"):
        folder.mkdir(exist_ok=True)
        with (folder / "audit.jsonl").open("ab") as file:
            file.write(text)
        writer(folder).close()
    assert (folder / "audit.torn.1").read_bytes() == b"first"
    assert (folder / "audit.torn.2").read_bytes() == b"second"


def test_a_second_writer_of_the_same_log_is_refused(folder):
    log = writer(folder)
    with pytest.raises(ConfigError, match=r"audit\.jsonl.*another process"):
        writer(folder)
    run(log, intent())
    log.close()
    writer(folder).close()


@pytest.mark.parametrize("last", [b"not json\n", b"{}\n", b'{"seq":1,"prev":""}\n'])
def test_a_chain_is_not_continued_after_a_line_that_is_no_record(folder, last):
    writer(folder).close()
    path = folder / "audit.jsonl"
    path.write_bytes(path.read_bytes() + last)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="no record of an intact chain"):
        writer(folder)
    assert path.read_bytes() == before


def test_a_chain_is_not_continued_after_an_edited_last_line(folder):
    log = writer(folder)
    run(log, intent())
    log.close()
    path = folder / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"stop"', b'"stob"'))
    with pytest.raises(ConfigError, match="intact chain"):
        writer(folder)


def test_a_clock_that_steps_back_breaks_no_chain_and_is_counted(folder):
    times: Iterator[datetime] = (NOON - timedelta(minutes=m) for m in (0, -1, 5, 4, 9, 0))
    log = writer(folder, clock=lambda: next(times))
    run(log, *(intent() for _ in range(5)))
    log.close()
    found = audit.verify(folder / "audit.jsonl")
    assert found.is_valid
    assert found.clock_steps_back == 2


def test_each_line_names_the_instance(folder):
    writer(folder, instance="pod-3/77").close()
    assert json.loads((folder / "audit.jsonl").read_bytes())["instance"] == "pod-3/77"
