"""Disks that are full, read-only, broken or hanging: real ones, mounted for the test (as root)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import world
from audit_load import Backend, admin, called
from audit_segments import segmented, what
from test_audit_event import intent, outcome, records
from test_audit_writer import run, writer

from sidecar import audit
from sidecar.errors import ConfigError, OrganDown

pytestmark = pytest.mark.sockets

PATIENCE = 10.0
_NEEDED = ("mount", "umount", "mkfs.ext4", "losetup", "fsfreeze")


def command(*words: str | Path) -> str:
    """Run a program; the test is skipped if this machine forbids it, and fails in CI as root."""
    try:
        done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        told = getattr(error, "stderr", "") or str(error)
        why = f"this machine cannot make disks for a test: {words[0]}: {told.strip()}"
        if os.geteuid() == 0 and os.getenv("CI") == "true":  # noqa: TID251 - no setting of ours
            pytest.fail(why)
        pytest.skip(why)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def _root() -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a disk takes root")
    for name in _NEEDED:
        if shutil.which(name) is None:
            command(name)


@contextmanager
def mounted(place: Path, *how: str | Path) -> Iterator[Path]:
    place.mkdir()
    command("mount", *how, place)
    try:
        yield place
    finally:
        # What hung may still be in use for a moment: lazily, so that no mount outlives its test.
        subprocess.run(["umount", "--lazy", place], check=True, timeout=PATIENCE)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB in memory."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as place:
        yield place


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The image of a disk of 16 MiB with a file system on it."""
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(16 << 20)
    command("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", path)
    return path


@pytest.fixture
def disk(tmp_path: Path, image: Path) -> Iterator[Path]:
    """A disk on a loop device."""
    with mounted(tmp_path / "disk", "-o", "loop,errors=remount-ro", image) as place:
        yield place


def fill(disk: Path, leave: int = 0) -> Path:
    """Let somebody else use up the disk but for so many bytes."""
    path = disk / "others"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    os.truncate(path, path.stat().st_size - leave)
    return path


async def refused(log: audit.Writer, told: str, *, is_synced: bool = False) -> None:
    with pytest.raises(OrganDown, match=told):
        await log.record(outcome(), is_synced=is_synced)
    assert not log.is_healthy


def verified(folder: Path, head: str) -> list[str]:
    """What the log holds, once it is known to hold together."""
    path = folder / "audit.jsonl"
    found = audit.verify(path, head)
    assert found.is_valid, found.problems
    return [what(record) for record in records(path)]


def test_a_full_disk_refuses_and_is_used_again_when_there_is_room(small):
    folder = small / "audit"
    log = writer(folder)
    run(log, intent())
    others = fill(small)

    async def without_room() -> None:
        for _ in range(3):
            await refused(log, "No space left|bytes are free", is_synced=True)
        assert not await log.revive()
        others.unlink()
        assert await log.revive()
        await log.record(outcome())

    # What is left of the last page takes a line or two before the disk is really full.
    run_out(log)
    asyncio.run(without_room())
    log.close()
    told = verified(folder, log.head)
    assert [what for what in told if what != "outcome"] == ["intent", "resumed", "stop"]


def run_out(log: audit.Writer) -> None:
    with pytest.raises(OrganDown, match="No space left"):
        run(log, *(outcome() for _ in range(50)))


def test_calls_stop_before_the_disk_is_full_and_their_outcomes_still_find_room(small):
    folder = small / "audit"
    log = writer(folder)
    run(log, intent())
    others = fill(small, leave=48 << 10)  # less than a sixteenth of the disk
    run(log, intent())  # the disk is measured after each block

    async def scarce() -> None:
        with pytest.raises(OrganDown, match="bytes are free on its disk; make room"):
            await log.record(intent())
        assert not log.is_healthy
        await log.record(outcome(), is_synced=True)
        assert not await log.revive()
        others.unlink()
        assert await log.revive()
        await log.record(intent())

    asyncio.run(scarce())
    log.close()
    told = verified(folder, log.head)
    assert told == ["intent", "intent", "outcome", "resumed", "intent", "stop"]


def test_a_disk_that_becomes_read_only_refuses_for_good_and_its_log_holds(disk):
    folder = disk / "audit"
    log = writer(folder)
    run(log, intent(), is_synced=True)
    device = command("findmnt", "-no", "SOURCE", disk)
    # The kernel's own way: a file system that finds itself broken becomes read-only.
    Path(f"/sys/fs/ext4/{Path(device).name}/trigger_fs_error").write_text("1")

    async def without_disk() -> None:
        await refused(log, "Read-only file system|Input/output error", is_synced=True)
        await refused(log, "Read-only|Input/output|sync failed|half a line")

    asyncio.run(without_disk())
    with pytest.raises(OrganDown):
        log.close()
    assert audit.verify(folder / "audit.jsonl").events == 1
    with pytest.raises(ConfigError, match="audit log cannot be used"):
        writer(folder)


def test_a_disk_with_bad_blocks_ends_the_writer(disk, image):
    folder = disk / "audit"
    log = writer(folder)
    run(log, intent(), is_synced=True)
    os.truncate(image, 1 << 19)
    command("losetup", "-c", command("findmnt", "-no", "SOURCE", disk))

    async def broken() -> None:
        with pytest.raises(OrganDown, match=r"sync failed.*Input/output error"):
            await asyncio.gather(*(log.record(outcome(), is_synced=True) for _ in range(500)))
        assert not await log.revive()
        await refused(log, "sync failed")

    asyncio.run(broken())
    with pytest.raises(OrganDown):
        log.close()


def test_a_disk_that_is_thinner_than_it_says_ends_the_writer(tmp_path, small):
    thin = small / "image"
    with thin.open("wb") as file:
        file.truncate(16 << 20)
    command("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", thin)
    with mounted(tmp_path / "thin", "-o", "loop", thin) as place:
        log = writer(place / "audit")
        with pytest.raises(OrganDown, match=r"sync failed.*No space left"):
            run(log, *(outcome() for _ in range(5000)), is_synced=True)
        with pytest.raises(OrganDown):
            log.close()


@contextmanager
def frozen(disk: Path) -> Iterator[None]:
    """Let every write to a disk hang, in the kernel and unkillable, but never for ever."""
    command("fsfreeze", "--freeze", disk)
    # A second thaw is refused by the kernel and harmless.
    thaw = ["fsfreeze", "--unfreeze", str(disk)]
    rescue = threading.Timer(PATIENCE * 2, subprocess.run, [thaw], {"check": False})
    rescue.start()
    try:
        yield
    finally:
        subprocess.run(thaw, check=True, timeout=PATIENCE)
        rescue.cancel()


@pytest.mark.parametrize("is_synced", [False, True])
def test_a_hanging_disk_refuses_in_time_and_the_loop_goes_on(disk, is_synced):
    folder = disk / "audit"
    log = writer(folder, timeout=0.3)
    run(log, intent())
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def hanging() -> None:
        others = asyncio.create_task(turning())
        with frozen(disk):
            calls = (log.record(intent(), is_synced=is_synced) for _ in range(20))
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(one) for one in found] == [OrganDown] * 20
            before = turns
            await refused(log, "did not confirm")  # at once: it does not wait for the timeout
            assert not await log.revive()
            assert turns - before < 1000
        others.cancel()
        assert await asyncio.to_thread(log._commits._thread.wait, PATIENCE)
        assert turns > 1000
        assert await log.revive()
        await log.record(intent(), is_synced=is_synced)

    asyncio.run(hanging())
    log.close()
    told = verified(folder, log.head)
    assert [what for what in told if what != "intent"] == ["resumed", "stop"]


def test_a_disk_that_hangs_at_the_stop_does_not_hold_up_the_end(disk):
    log = segmented(disk / "audit", timeout=0.3)
    run(log, intent())
    with frozen(disk), pytest.raises(OrganDown, match="did not end"):
        log.close()
    for thread in threading.enumerate():
        if thread.name == "audit":
            thread.join(PATIENCE)
    assert audit.verify(disk / "audit").is_valid


@pytest.mark.anyio
async def test_a_sidecar_on_a_hanging_disk_is_alive_not_ready_and_lets_no_call_out(tmp_path, disk):
    backend = Backend()
    changed = {"folder": str(disk / "audit")}
    (tmp_path / "world").mkdir()
    with world.served(backend.app()) as url:
        async with world.Behind(tmp_path / "world", f"{url}/mcp", audit=changed) as sidecar:
            async with world.caller(sidecar.bearer("agent")) as http:
                place = sidecar.url("triage")
                assert (await called(http, place)).status_code == httpx2.codes.OK
                with frozen(disk):
                    answers = await asyncio.gather(*(called(http, place, n) for n in range(5)))
                    ready = await http.get(f"{admin(sidecar)}/readyz")
                    alive = await http.get(f"{admin(sidecar)}/livez")
                assert [one.status_code for one in answers] == [503] * 5
                assert (ready.status_code, alive.status_code) == (503, 200)
                assert len(backend.arrived) == 1
                async with asyncio.timeout(PATIENCE):
                    while (await http.get(f"{admin(sidecar)}/readyz")).status_code != 200:
                        pass
                assert (await called(http, place)).status_code == httpx2.codes.OK
            await world.ended(sidecar.process)
            assert audit.verify(disk / "audit" / "audit.jsonl").is_valid
