"""`sidecar demo` as a user runs it: a process of its own, ended with nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from readme import README

from sidecar.demo.agent import connected
from sidecar.demo.scenes import SCENES

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

PROGRAM = f"{sys.executable} -m sidecar"

LONGEST = 60.0
"""Seconds that the whole demo may take; it paces itself to Gladly's rate limit."""


@asynccontextmanager
async def demo(*options: str) -> AsyncIterator[Process]:
    """The demo in a process group of its own, which is ended whatever happens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sidecar", "demo", *options,
        stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, start_new_session=True, limit=1 << 20,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LONGEST):
            yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def is_anything_left(process: Process) -> bool:
    """Whether a process of its group is still there."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def assert_all_shown(said: str) -> None:
    for number, (title, _, _) in enumerate(SCENES, start=1):
        assert f"── {number}. {title} " in said
    for scene in said.split("── ")[1:]:
        assert "✓" in scene, f"this scene checked nothing: {scene[:40]}"
    assert "✗" not in said
    assert "Next, connect an AI client of your own: sidecar up --simulate" in said
    assert f"{len(SCENES)} of {len(SCENES)} scenes showed what they promise." in said


async def test_the_demo_shows_every_scene_and_leaves_nothing_running():
    async with demo() as process:
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert_all_shown(said.decode())
        assert said.decode().endswith("What the demo wrote was removed.\n")
        assert not is_anything_left(process)


async def test_a_demo_that_stays_prints_a_url_that_works_and_leaves_a_log_to_review(tmp_path):
    folder = tmp_path / "d"
    async with demo("--serve", "--folder", str(folder)) as process:
        assert process.stdout
        said = (await process.stdout.readuntil(b"--method tools/list\n")).decode()
        assert_all_shown(said)
        told = said.partition("The sidecar stays up")[2]
        (url,) = set(re.findall(r"http://127\.0\.0\.1:\d+/mcp/[\w-]+", told))
        (bearer,) = set(re.findall(r"Bearer ([\w.-]+)", told))
        async with connected(url, bearer) as agent:
            assert "list_all_gladly_inboxes" in await agent.tools()
            assert (await agent.call("list_all_gladly_inboxes")).value
        process.terminate()
        rest = (await process.stdout.read()).decode()
        assert f"is in {folder}, its audit log in {folder}/audit.\n" in rest
        assert await process.wait() == 0
        assert not is_anything_left(process)
    reviewed = await asyncio.create_subprocess_exec(
        "sh", "-euc", of_the_demo(README.read_text()), cwd=tmp_path, stdout=PIPE
    )
    printed, _ = await reviewed.communicate()
    assert reviewed.returncode == 0, printed.decode()
    assert (tmp_path / "report.html").is_file()


def of_the_demo(text: str) -> str:
    """The README's commands for a reviewer of this demo: its log alone, and no other."""
    (block,) = re.findall(r"```sh\n(LOG=.*?)```", text, re.DOTALL)
    block = block.replace("LOG=audit ", "LOG=d/audit ").replace("sidecar audit", f"{PROGRAM} audit")
    absent = ("--anchor", "EVENT-ID", "--backend-log")
    return "\n".join(
        line for line in block.splitlines() if not any(word in line for word in absent)
    )
