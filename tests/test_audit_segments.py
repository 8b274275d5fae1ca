"""Segments: closed in order, continued after a crash at any step, pruned with a tombstone.

Over 300 lines: each step in the life of a segment is held to the same whole chain.
"""

import asyncio
import errno
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from audit_segments import ROOT, TESTS, chain, segmented, what
from test_audit_event import NOON, intent, outcome, records
from test_audit_writer import run, writer

from sidecar import audit
from sidecar.audit.chain import Tip
from sidecar.audit.closed import closed_in
from sidecar.errors import ConfigError, OrganDown
from sidecar.model import JsonObject


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def many(log: audit.Writer, count: int = 60) -> None:
    run(log, *(outcome() for _ in range(count)))


def test_a_segment_is_closed_by_its_size_under_the_number_of_its_first_line(folder):
    log = segmented(folder)
    many(log)
    log.close()
    closed = closed_in(folder)
    assert len(closed) > 3
    for one in closed:
        found = records(one.path)
        assert one.path.name == f"audit.{found[0]['seq']:012d}.jsonl"
        assert 4096 <= one.size < 4096 + 3 * 1500
        assert one.path.stat().st_mode & 0o777 == 0o600
    verified = audit.verify(folder, log.head)
    assert (verified.is_valid, verified.gaps) == (True, ())


def test_each_segment_ends_in_a_signed_checkpoint_of_the_line_before(folder):
    log = segmented(folder)
    many(log)
    log.close()
    for one in closed_in(folder):
        before, last = records(one.path)[-2:]
        text, _, signature = last["data"]["note"].partition("\n\n")
        assert text.split("\n")[1:3] == [
            str(before["seq"]),
            b64encode(bytes.fromhex(before["hash"])).decode(),
        ]
        assert signature.startswith("— ")
    assert [what(record) for record in chain(folder)[-2:]] == ["stop", "checkpoint"]


def test_the_next_run_goes_on_in_the_live_segment_after_a_clean_stop(folder):
    for _ in range(3):
        log = segmented(folder)
        many(log, 20)
        log.close()
    assert audit.verify(folder, log.head).is_valid
    assert "recovered" not in map(what, chain(folder))


def test_a_log_that_nobody_signs_is_segmented_all_the_same(folder):
    log = segmented(folder, signer=None)
    many(log)
    log.close()
    assert len(closed_in(folder)) > 3
    found = audit.verify(folder, log.head)
    assert (found.is_valid, found.has_clean_stop) == (True, True)


def test_a_segment_is_closed_when_the_day_is_over(folder):
    now = [NOON]
    log = segmented(folder, segment_bytes=1 << 28, clock=lambda: now[0])
    many(log, 3)
    asyncio.run(log.tick())
    assert closed_in(folder) == []
    now[0] += timedelta(days=1)
    asyncio.run(log.tick())
    assert [one.first for one in closed_in(folder)] == [1]
    asyncio.run(log.tick())  # nothing was written on the new day that could be closed
    log.close()
    assert len(closed_in(folder)) == 1
    assert audit.verify(folder, log.head).is_valid


@pytest.mark.thorough
def test_checkpoints_come_by_count_by_time_and_by_heartbeat(folder):
    now = [NOON]
    log = writer(folder, clock=lambda: now[0], signer=audit.Signer(folder, "p-0/1"), heartbeat=60.0)

    def marks() -> list[int]:
        return [r["seq"] for r in chain(folder) if what(r) == "checkpoint"]

    async def after(seconds: float) -> list[int]:
        now[0] += timedelta(seconds=seconds)
        await log.tick()
        return marks()

    run(log, intent())
    assert marks() == [2]  # the first records of a run
    run(log, intent())
    assert asyncio.run(after(9)) == [2]
    assert asyncio.run(after(1)) == [2, 4]  # ten seconds, and a line that none covers
    assert asyncio.run(after(59)) == [2, 4]
    assert asyncio.run(after(1)) == [2, 4, 5]  # the heartbeat of an idle log
    assert asyncio.run(after(-3600)) == [2, 4, 5, 6]  # a clock that stepped back
    many(log, 1000)
    assert marks() == [2, 4, 5, 6, 1007]
    log.close()
    assert marks()[-1] == 1009


# What a process that was killed at each step of a rotation leaves behind.
def before_the_rename(folder: Path) -> None:
    """Lines and checkpoint are on the disk; the file has its old name."""
    last = closed_in(folder)[-1].path
    (folder / "audit.jsonl").unlink()
    last.rename(folder / "audit.jsonl")


def after_the_rename(folder: Path) -> None:
    (folder / "audit.jsonl").unlink()


def after_the_new_file(folder: Path) -> None:
    os.truncate(folder / "audit.jsonl", 0)


@pytest.mark.parametrize("crash", [before_the_rename, after_the_rename, after_the_new_file])
def test_a_crash_at_any_step_of_a_rotation_is_continued(folder, crash):
    log = segmented(folder)
    while len(closed_in(folder)) < 2:
        many(log, 1)
    log._segment.close()  # as a killed process leaves it
    crash(folder)
    again = segmented(folder)
    many(again, 20)
    again.close()
    found = audit.verify(folder, again.head)
    assert (found.is_valid, found.gaps, found.unclean_stops) == (True, (), 1)


KILLED = """
import os, signal, sys
from pathlib import Path
from audit_segments import segmented
from test_audit_segments import many
from sidecar.audit import segment

step, left = sys.argv[2], int(sys.argv[3])
real = {name: getattr(os, name) for name in ("fdatasync", "rename", "open", "fsync")}

def dying(name):
    def call(*arguments, **named):
        global left
        if name == step:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return real[name](*arguments, **named)
    return call

log = segmented(Path(sys.argv[1]))
setattr(os, step, dying(step))
many(log, 200)
"""


@pytest.mark.sockets
@pytest.mark.parametrize("step", ["fdatasync", "rename", "open", "fsync"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_process_killed_in_the_middle_of_a_rotation_leaves_a_log_that_goes_on(
    folder, step, count
):
    command = [sys.executable, "-c", KILLED, str(folder), step, str(count)]
    env = {"PYTHONPATH": f"{ROOT}:{TESTS}"}
    assert subprocess.run(command, env=env, check=False).returncode == -9
    log = segmented(folder)
    many(log, 5)
    log.close()
    found = audit.verify(folder, log.head)
    assert (found.is_valid, found.gaps, found.unclean_stops) == (True, (), 1)


def test_no_other_writer_gets_in_while_segments_are_closed(folder):
    log = segmented(folder)
    for _ in range(20):
        many(log, 5)
        with pytest.raises(ConfigError, match="another process is writing it"):
            segmented(folder)
    log.close()
    assert len(closed_in(folder)) > 3
    assert audit.verify(folder, log.head).is_valid


def failing(number: int) -> Callable[..., int]:
    def call(*_: Any, **__: Any) -> int:
        raise OSError(number, os.strerror(number))

    return call


def test_a_new_segment_that_cannot_be_made_leaves_the_old_one_in_use(folder, monkeypatch):
    log = segmented(folder)
    many(log, 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing(errno.EMFILE))
        many(log, 10)
    assert closed_in(folder) == []
    assert log.is_healthy
    many(log, 1)
    assert len(closed_in(folder)) == 1
    log.close()
    assert audit.verify(folder, log.head).is_valid


def test_a_chain_is_not_continued_after_a_closed_segment_that_is_no_chain(folder):
    log = segmented(folder)
    many(log)
    log.close()
    after_the_rename(folder)
    last = closed_in(folder)[-1].path
    last.write_bytes(last.read_bytes()[:-1] + b" \n")
    with pytest.raises(ConfigError, match=rf"{last.name}.*no record of an intact chain"):
        segmented(folder)


def test_the_bound_holds_for_the_folder(folder):
    log = segmented(folder, max_bytes=40_000)
    with pytest.raises(OrganDown, match="largest size"):
        many(log, 400)
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert 30_000 < total <= 40_000
    assert not log.is_healthy
    log.close()
    with pytest.raises(ConfigError, match=r"largest size.*move it away"):
        segmented(folder, max_bytes=total)


def test_intents_stop_before_outcomes_do(folder):
    log = segmented(folder, max_bytes=64_000)
    with pytest.raises(OrganDown, match="largest size"):
        run(log, *(intent() for _ in range(200)))
    assert not log.is_healthy
    run(log, outcome())
    log.close()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 64_000


def pruned(folder: Path) -> list[JsonObject]:
    return [record["data"] for record in chain(folder) if what(record) == "pruned"]


def fill(log: audit.Writer, count: int = 300) -> None:
    """As the road and the keeping task do it: records, and a tick now and then."""

    async def both() -> None:
        for number in range(count):
            await log.record(outcome())
            if number % 5 == 0:
                await log.tick()

    asyncio.run(both())


def test_what_is_signed_and_shipped_is_pruned_and_leaves_a_tombstone(folder):
    lost: dict[str, bytes] = {}
    tip = [0]

    def written(now: Tip) -> None:
        tip[0] = now.seq
        lost.update({one.path.name: one.path.read_bytes() for one in closed_in(folder)})

    log = segmented(folder, max_bytes=40_000, shipped=lambda: tip[0], on_written=written)
    fill(log)
    assert log.is_healthy
    log.close()
    kept = chain(folder)
    assert kept[0]["seq"] > 1
    graves = pruned(folder)
    for grave in graves:
        raw = lost[grave["segment"]]
        assert (grave["bytes"], grave["sha256"]) == (len(raw), sha256(raw).hexdigest())
        assert not (folder / grave["segment"]).exists()
    last = graves[-1]
    assert (last["last"], last["hash"]) == (kept[0]["seq"] - 1, kept[0]["prev"])
    assert [one["seq"] for one in kept] == [*range(kept[0]["seq"], kept[-1]["seq"] + 1)]
    after = next(n for n, record in enumerate(kept) if record.get("data") == last)
    assert "checkpoint" in map(what, kept[after:])


@pytest.mark.parametrize(
    "hindered",
    [{"shipped": None}, {"shipped": lambda: 3}, {"signer": None}, {"keep_days": 1, "clock": None}],
)
def test_what_is_not_shipped_signed_or_old_enough_is_never_pruned(folder, hindered):
    changed: dict[str, Any] = {"max_bytes": 40_000, "shipped": lambda: 1 << 40} | hindered
    if "clock" in changed:
        changed["clock"] = lambda: datetime.now().astimezone()
    log = segmented(folder, **changed)
    with pytest.raises(OrganDown, match="largest size"):
        fill(log)
    assert chain(folder)[0]["seq"] == 1
    assert pruned(folder) == []
    log.close()


def test_the_tombstone_is_on_the_disk_and_signed_before_the_file_goes(folder, monkeypatch):
    real, seen = Path.unlink, []

    def looking(path: Path, **named: bool) -> None:
        ends = [what(record) for record in records(folder / "audit.jsonl")[-2:]]
        seen.append((ends, path.exists()))
        real(path, **named)

    log = segmented(folder, max_bytes=40_000, shipped=lambda: 1 << 40)
    monkeypatch.setattr(Path, "unlink", looking)
    fill(log, 200)
    log.close()
    assert seen
    assert all(one == (["pruned", "checkpoint"], True) for one in seen)


def test_a_full_log_that_can_be_pruned_is_taken_up(folder):
    log = segmented(folder, max_bytes=40_000)
    with pytest.raises(OrganDown):
        fill(log)
    log.close()
    again = segmented(folder, max_bytes=39_000, shipped=lambda: 1 << 40)
    assert not again.is_healthy
    asyncio.run(again.tick())
    assert again.is_healthy
    fill(again, 20)
    again.close()
    assert pruned(folder)
