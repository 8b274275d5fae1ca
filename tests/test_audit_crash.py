"""A process that is killed: what it acknowledged is there, and the next run carries on."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_audit_writer import writer

from sidecar import audit

ROOT = Path(audit.__file__).parents[2]
TESTS = Path(__file__).parent

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
