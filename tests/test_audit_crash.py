"""A process that is killed: what it acknowledged is there, and the next run carries on."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import world
from audit_load import Backend, load
from audit_segments import ROOT, TESTS, what, whole
from test_audit_writer import writer

from sidecar import audit

BETWEEN = """
import asyncio, sys
from pathlib import Path
from test_audit_event import intent
from test_audit_writer import writer

async def main():
    log, event = writer(Path(sys.argv[1])), intent()
    await log.record(event, is_synced=True)
    print(event.id, flush=True)
    sys.stdin.read()

asyncio.run(main())
"""

BUSY = """
import asyncio, sys
from pathlib import Path
from test_audit_event import outcome
from test_audit_writer import writer

async def main():
    log = writer(Path(sys.argv[1]))
    while True:
        event = outcome()
        await log.record(event)
        print(event.id, flush=True)

asyncio.run(main())
"""


@contextmanager
def running(script: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{ROOT}:{TESTS}"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_from(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.sockets
def test_a_kill_between_intent_and_outcome_leaves_an_open_intent(tmp_path):
    with running(BETWEEN, tmp_path) as process:
        event = line_from(process)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    log = writer(tmp_path)
    found = audit.verify(tmp_path / "audit.jsonl", log.head)
    assert (found.is_valid, found.open_intents, found.unclean_stops) == (True, (event,), 1)
    log.close()


@pytest.mark.sockets
def test_every_record_acknowledged_before_a_kill_is_in_the_log(tmp_path):
    with running(BUSY, tmp_path) as process:
        told = [line_from(process) for _ in range(200)]
        process.kill()
        assert process.stdout is not None
        told += process.stdout.read().split("\n")[:-1]
    writer(tmp_path).close()
    path = tmp_path / "audit.jsonl"
    assert [json.loads(raw)["id"] for raw in path.read_bytes().splitlines()][: len(told)] == told
    found = audit.verify(path)
    assert (found.is_valid, found.unclean_stops, found.has_clean_stop) == (True, 1, True)


@pytest.mark.sockets
def test_another_process_cannot_write_the_same_log(tmp_path):
    log = writer(tmp_path)
    command = [sys.executable, "-c", BETWEEN, str(tmp_path)]
    env = {"PYTHONPATH": f"{ROOT}:{TESTS}"}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "another process is writing it" in ended.stderr
    log.close()


async def _killed(folder: Path, times: int) -> None:
    """Kill a sidecar under load at random moments, and start it again on the same log."""
    backend, moment = Backend(), random.Random()
    sizes = {"segment_bytes": 100_000}
    with world.served(backend.app()) as url:
        async with world.Behind(folder, f"{url}/mcp", audit=sizes) as sidecar:
            for _ in range(times):
                async with load(sidecar, 8) as answers:
                    due = len(answers) + moment.randrange(1, 60)
                    async with asyncio.timeout(world.PATIENCE):
                        while len(answers) < due:  # noqa: ASYNC110 - the moment is random
                            await asyncio.sleep(moment.random() / 100)
                    sidecar.process.kill()
                    await sidecar.process.wait()
                sidecar._processes.clear()
                await sidecar.start_sidecar()
                _check(folder / "audit", backend, answers)
            await world.ended(sidecar.process)


def _check(folder: Path, backend: Backend, answers: list[int]) -> None:
    found = audit.verify(folder)
    assert (found.is_valid, found.gaps) == (True, ()), found.problems
    # Not held to the schema here, which takes a second at the end.
    events = [json.loads(line) for line in whole(folder).read_bytes().splitlines()]
    intents = {event["id"] for event in events if event["stage"] == "intent"}
    ended = {event["ref"] for event in events if event["stage"] == "outcome" and "ref" in event}
    assert backend.arrived
    assert set(backend.arrived) <= intents  # what arrived was on record before it left
    assert set(found.open_intents) == intents - ended
    assert len(ended) >= answers.count(200)  # what was answered had its outcome on record
    assert found.stray_outcomes == ()
    assert found.unclean_stops == [what(event) for event in events].count("recovered") > 0


@pytest.mark.sockets
def test_ten_kills_under_load_lose_no_intent_and_list_each_lost_outcome(tmp_path):
    asyncio.run(_killed(tmp_path, 10))


@pytest.mark.sockets
@pytest.mark.nightly
def test_a_hundred_kills_under_load_lose_no_intent_and_list_each_lost_outcome(tmp_path):
    asyncio.run(_killed(tmp_path, 100))
