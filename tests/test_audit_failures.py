"""Nothing passes that cannot be recorded, and no failure breaks the chain (invariant 7).

Over 300 lines: why the writer refuses is one list, and a gap in it shows best in one place.
"""

import asyncio
import errno
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_audit_event import intent, outcome, records
from test_audit_writer import run, writer

from sidecar import audit
from sidecar.errors import OrganDown
from sidecar.model import Event


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def file_limit() -> Iterator[None]:
    """Whatever limit on file sizes a test sets ends with the test."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def limit_files(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def redirect(log: audit.Writer, target: str | int, flags: int = os.O_WRONLY) -> None:
    """Let the writer's descriptor mean another file, one that fails."""
    fd = target if isinstance(target, int) else os.open(target, flags | os.O_CLOEXEC)
    os.dup2(fd, log._segment._fd, inheritable=False)
    os.close(fd)


def refused(log: audit.Writer, event: Event, *, is_synced: bool = False) -> OrganDown:
    with pytest.raises(OrganDown) as caught:
        run(log, event, is_synced=is_synced)
    assert caught.value.reason == "audit_unwritable"
    return caught.value


def revived(log: audit.Writer) -> bool:
    return asyncio.run(log.revive())


def whats(path: Path) -> list[str]:
    return [record.get("data", {}).get("what", record["stage"]) for record in records(path)]


def test_a_full_device_refuses_the_message_and_every_later_one(folder):
    log = writer(folder)
    run(log, intent())
    redirect(log, "/dev/full")
    assert "No space left" in str(refused(log, intent()))
    assert not log.is_healthy
    refused(log, intent())
    with pytest.raises(OrganDown):
        log.record_soon(outcome())
    with pytest.raises(OrganDown):
        log.close()
    writer(folder).close()
    assert whats(folder / "audit.jsonl") == ["intent", "recovered", "stop"]


def test_a_partly_written_line_is_cut_back_and_the_log_goes_on_when_there_is_room(
    folder, file_limit
):
    """The kernel takes what fits (a real short write) and then refuses the rest."""
    log = writer(folder)
    run(log, intent())
    path = folder / "audit.jsonl"
    whole = path.read_bytes()
    limit_files(len(whole) + 100)
    refused(log, intent())
    log_is_healthy, at_failure = log.is_healthy, path.read_bytes()
    refused(log, intent(), is_synced=True)
    limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    assert not log_is_healthy
    assert at_failure == whole
    run(log, intent())
    assert log.is_healthy
    log.close()
    assert whats(path) == ["intent", "resumed", "intent", "stop"]
    resumed = records(path)[1]["data"]
    assert (resumed["cause"], resumed["refused"]) == ("File too large", 2)
    assert audit.verify(path, log.head).is_valid


def test_a_writer_without_traffic_can_be_revived(folder, file_limit):
    log = writer(folder)
    assert revived(log)
    limit_files(10)
    refused(log, intent())
    assert not revived(log)
    limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    assert revived(log)
    assert log.is_healthy
    log.close()
    assert whats(folder / "audit.jsonl") == ["resumed", "stop"]


def test_each_outage_counts_its_own_refusals(folder, file_limit):
    log = writer(folder)
    for refusals in (3, 1):
        limit_files(10)
        for _ in range(refusals):
            refused(log, intent())
        limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        assert revived(log)
    log.close()
    counts = [record["data"].get("refused") for record in records(folder / "audit.jsonl")]
    assert counts == [3, 1, None]


def test_buffered_events_survive_a_failed_write(folder, file_limit):
    log = writer(folder)
    ping = outcome()
    log.record_soon(ping)
    limit_files(10)
    refused(log, intent())
    limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    assert revived(log)
    log.record_soon(outcome())
    log.close()
    found = records(folder / "audit.jsonl")
    assert found[1]["id"] == ping.id
    assert whats(folder / "audit.jsonl") == ["resumed", "outcome", "outcome", "stop"]


def test_short_writes_are_continued(folder, monkeypatch):
    log = writer(folder)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:7])))
    run(log, intent(), outcome())
    monkeypatch.undo()
    log.close()
    assert whats(folder / "audit.jsonl") == ["intent", "outcome", "stop"]
    assert audit.verify(folder / "audit.jsonl").is_valid


def test_a_kernel_that_takes_no_bytes_is_a_failure_and_no_endless_loop(folder, monkeypatch):
    log = writer(folder)
    monkeypatch.setattr(os, "write", lambda *_: 0)
    refused(log, intent())
    monkeypatch.undo()
    log.close()


def test_a_line_that_can_neither_be_finished_nor_cut_back_ends_the_writer(folder, monkeypatch):
    log = writer(folder)
    run(log, intent())

    def no_truncate(fd: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    real = os.write
    failing = iter([lambda fd, data: real(fd, data[:9])])

    def half(fd: int, data: bytes) -> int:
        for write in failing:
            return write(fd, data)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", no_truncate)
    monkeypatch.setattr(os, "write", half)
    refused(log, intent())
    monkeypatch.undo()
    assert "half a line" in str(refused(log, intent()))
    assert not revived(log)
    with pytest.raises(OrganDown):
        log.close()
    writer(folder).close()
    assert whats(folder / "audit.jsonl") == ["intent", "recovered", "stop"]
    assert (folder / "audit.torn.1").stat().st_size == 9


def test_the_writer_stays_failed_after_a_sync_error(folder):
    """fdatasync of a pipe fails with EINVAL; what a disk holds after such an error is unknown."""
    log = writer(folder)
    run(log, intent(), is_synced=True)
    reader, end = os.pipe()
    redirect(log, end)
    refused(log, intent(), is_synced=True)
    assert not log.is_healthy
    assert not revived(log)
    assert "a sync failed" in str(refused(log, intent()))
    with pytest.raises(OrganDown):
        log.close()
    os.close(reader)


def test_a_pipe_that_nobody_reads_refuses_instead_of_hanging(folder):
    log = writer(folder)
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    redirect(log, str(fifo), os.O_WRONLY | os.O_NONBLOCK)
    text = {"result": "allow", "input": {"text": "x" * 200_000}}  # more than a pipe holds
    assert "temporarily unavailable" in str(refused(log, intent(decision=text)))
    assert not log.is_healthy
    with pytest.raises(OrganDown):
        log.close()
    os.close(reader)


def test_a_disk_that_does_not_confirm_refuses_in_time_and_is_used_again_when_it_does(
    folder, monkeypatch
):
    log = writer(folder, timeout=0.05)
    real, confirmed = os.fdatasync, threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda fd: (confirmed.wait(10), real(fd)))

    async def stall() -> None:
        started = asyncio.get_running_loop().time()
        with pytest.raises(OrganDown, match="did not confirm"):
            await log.record(intent(), is_synced=True)
        assert asyncio.get_running_loop().time() - started < 1
        size = (folder / "audit.jsonl").stat().st_size
        with pytest.raises(OrganDown):  # a read is refused as well, at once and unwritten
            await log.record(intent())
        assert (folder / "audit.jsonl").stat().st_size == size
        assert not await log.revive()
        confirmed.set()
        assert await asyncio.to_thread(log._commits._thread.wait, 10)
        await log.record(intent(), is_synced=True)
        assert log.is_healthy

    asyncio.run(stall())
    log.close()
    assert whats(folder / "audit.jsonl") == ["intent", "resumed", "intent", "stop"]
    assert records(folder / "audit.jsonl")[1]["data"]["refused"] == 2


def test_a_disk_that_hangs_does_not_hold_up_the_stop(folder, monkeypatch):
    log = writer(folder, timeout=0.05)
    confirmed = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda *_: confirmed.wait(10))
    with pytest.raises(OrganDown, match="the last sync"):
        log.close()
    confirmed.set()


def replace(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.touch()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"{}\n")


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (Path.unlink, "moved or deleted"),
        (lambda path: path.rename(path.with_suffix(".old")), "moved or deleted"),
        (replace, "took the log's place"),
        (grow, "somebody else changed"),
        (lambda path: os.truncate(path, 40), "somebody else changed"),
    ],
)
def test_a_log_that_somebody_meddles_with_is_not_written_further(folder, meddle, told):
    log = writer(folder)
    run(log, intent())
    meddle(folder / "audit.jsonl")
    assert told in str(refused(log, intent()))
    assert not log.is_healthy
    assert not revived(log)
    with pytest.raises(OrganDown):
        log.close()


@pytest.mark.parametrize("value", ["\ud800", 2**64, b"bytes", {1: "x"}, object()])
def test_an_event_that_json_cannot_hold_is_refused_without_harm_to_others(folder, value):
    log = writer(folder)
    refused(log, intent(decision={"input": value}))
    assert log.is_healthy
    run(log, intent())
    log.close()
    assert whats(folder / "audit.jsonl") == ["intent", "stop"]


def test_no_refusal_repeats_what_the_event_holds(folder):
    log = writer(folder)
    told = refused(log, intent(decision={"input": {"email": "ann@example.com", "x": object()}}))
    assert "ann@example.com" not in f"{told} {told.public}"
    log.close()


def test_a_buffered_event_that_can_be_no_line_is_told_by_the_log_itself(folder):
    log = writer(folder)
    log.record_soon(outcome(data={"x": object()}))
    run(log, intent())
    assert not log.is_healthy
    run(log, intent())
    assert log.is_healthy
    log.close()
    assert whats(folder / "audit.jsonl") == ["intent", "resumed", "intent", "stop"]
    resumed = records(folder / "audit.jsonl")[1]["data"]
    assert (resumed["refused"], "cannot be written as JSON" in resumed["cause"]) == (1, True)


def test_one_event_that_can_be_no_line_harms_none_of_its_block(folder):
    log = writer(folder)

    async def together() -> list[object]:
        events = [intent(), intent(), intent(decision={"x": object()}), intent()]
        calls = (log.record(event) for event in events)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    found = asyncio.run(together())
    assert [type(one) for one in found] == [type(None), type(None), OrganDown, type(None)]
    log.close()
    assert audit.verify(folder / "audit.jsonl", log.head).events == 4
