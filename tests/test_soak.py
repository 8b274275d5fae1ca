"""Hours in small: a sidecar under mixed traffic neither grows nor keeps what it opened.

Each soak lasts 150 seconds, or as many as `SOAK_SECONDS` says. Agents come in
rounds and leave; between two rounds nobody is connected, and the process is looked at.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import flow
import pytest
from gladly_fixtures import ERAS, stack
from mcp import MCPError
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context, MCPServer
from world import Behind, caller, logged, served

from sidecar import audit
from sidecar.gladly.simulator import ids

pytestmark = [pytest.mark.anyio, pytest.mark.sockets, pytest.mark.nightly]

SECONDS: Final = float(os.environ.get("SOAK_SECONDS", "150"))  # noqa: TID251 - the test run's setting
AGENTS: Final = 6
CALLS: Final = 10
LEAST_ROUNDS: Final = 9
GROWTH: Final = 8 << 20
"""Bytes that resident memory may still grow by once warm: caches and the allocator, no leak."""
MORE_FILES: Final = 2 * AGENTS
"""Descriptors by which a later round may exceed an earlier one: pooled connections."""
READ, HIDDEN, SLOW = (
    "list_all_gladly_tasks",
    "delete_a_gladly_task_by_id",
    "list_all_gladly_inboxes",
)
MARA: Final = ids("sample-store")("customer/delivery")


class Look(NamedTuple):
    """What a process holds: resident bytes and open descriptors, connections among them."""

    memory: int
    files: int


def look(pid: int) -> Look:
    process = Path("/proc") / str(pid)
    pages = int((process / "statm").read_text().split()[1])
    return Look(pages * os.sysconf("SC_PAGE_SIZE"), len(list((process / "fd").iterdir())))


async def tasks(context: Context, customer_id: str = "") -> dict[str, list[dict[str, str]]]:
    """Answer with a stream: progress, then a result with something to mask."""
    for step in range(3):
        await context.report_progress(step, 3, f"{customer_id} mara.lindqvist@example.com")
    return {"result": [{"id": "a", "body": "mail mara.lindqvist@example.com"}]}


async def inboxes(context: Context) -> str:
    """Begin a stream, and go on until the caller has left."""
    await context.report_progress(0, 1, "begun")
    await asyncio.Event().wait()
    return ""


@contextmanager
def streaming(_: Path) -> Iterator[str]:
    """A server made with the official SDK that answers every call with a stream."""
    server = MCPServer("soak")
    server.tool(name=READ)(tasks)
    server.tool(name=SLOW)(inboxes)
    server.tool(name=HIDDEN)(tasks)
    with served(server.streamable_http_app(json_response=False)) as url:
        yield f"{url}/mcp"


@contextmanager
def built_in(folder: Path) -> Iterator[str]:
    """The built-in backend in front of the simulator; nothing is throttled."""
    with stack(folder, rate=10**9) as gladly:
        yield gladly.url


BACKENDS = {"streaming": streaming, "built-in": built_in}


@asynccontextmanager
async def connected(world: Behind, era: str) -> AsyncIterator[Client]:
    async with (
        caller(world.bearer("agent")) as http,
        Client(streamable_http_client(world.url("triage"), http_client=http), mode=era) as client,
    ):
        yield client


async def masked(progress: float, total: float | None, message: str | None) -> None:
    """What a stream tells on the way is masked, too."""
    assert message is not None
    assert "[EMAIL]" in message


async def visit(world: Behind, era: str, done: Counter[str]) -> None:
    """One agent: lists, calls, is refused, and leaves."""
    async with connected(world, era) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert READ in names
        assert HIDDEN not in names
        done["list"] += 1
        for _ in range(CALLS):
            answer = await client.call_tool(READ, {"customer_id": MARA}, progress_callback=masked)
            assert not answer.is_error
            assert "mara.lindqvist@example.com" not in str(answer.structured_content)
            done["call"] += 1
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool(HIDDEN, {"id": "x"})
        refused = await client.call_tool(READ, {"customer_id": "4111 1111 1111 1111"})
        assert refused.is_error
        done["refused"] += 2


async def stray(world: Behind, done: Counter[str]) -> None:
    """Strangers, broken messages, and, where a tool is slow, a caller who leaves its stream."""
    url, good = world.url("triage"), flow.ask("ping")
    async with caller("not-a-token") as http:
        assert (await http.post(url, json=good)).status_code == 401
        assert (await http.post(f"{world.sidecar_url}/mcp/nobody", json=good)).status_code == 404
    async with caller(world.bearer("agent")) as http:
        headers = {"content-type": "application/json"}
        assert (await http.post(url, content=b"{no", headers=headers)).status_code == 400
    done["stray"] += 3


async def leave(world: Behind, done: Counter[str]) -> None:
    """Call a tool that goes on, see its stream begin, and hang up."""
    body, headers = flow.modern(flow.call(SLOW))
    body["params"]["_meta"]["progressToken"] = "p"
    async with (
        caller(world.bearer("agent")) as http,
        http.stream("POST", world.url("triage"), json=body, headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        await anext(answer.aiter_bytes())
        done["left"] += 1


async def rounds(world: Behind, *, is_streaming: bool) -> tuple[list[Look], Counter[str]]:
    """Send agents in rounds until the time is up; a look at the process after each."""
    done: Counter[str] = Counter()
    looks: list[Look] = []
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS
    while loop.time() < end or len(looks) < LEAST_ROUNDS:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number in range(AGENTS):
                group.create_task(visit(world, ERAS[number % 2], done))
            group.create_task(stray(world, done))
            if is_streaming:
                group.create_task(leave(world, done))
        looks.append(look(world.process.pid))
    return looks, done


def assert_settled(looks: list[Look]) -> None:
    """Compare the last third of the rounds with the second; the first warms up."""
    third = len(looks) // 3
    before, after = looks[third : 2 * third], looks[-third:]
    grown = statistics.median(x.memory for x in after) - statistics.median(x.memory for x in before)
    assert grown < GROWTH, f"{grown / 2**20:.1f} MiB more in {third} rounds"
    assert max(x.files for x in after) <= max(x.files for x in before) + MORE_FILES


@pytest.mark.parametrize("kind", BACKENDS)
async def test_a_sidecar_under_mixed_traffic_settles_and_its_log_verifies(tmp_path, kind):
    with BACKENDS[kind](tmp_path) as url:
        async with Behind(tmp_path / "world", url) as world:
            looks, done = await rounds(world, is_streaming=kind == "streaming")
            await world.stop_sidecar()
        assert_settled(looks)
        found = audit.verify(world.audit_log)
        assert found.is_valid, found
        assert found.has_clean_stop
        assert (found.open_intents, found.stray_outcomes) == ((), ())
        outcomes = Counter(event["outcome"]["status"] for event in logged(world))
        assert outcomes["ok"] >= done["call"] + done["list"]
        assert outcomes["refused"] >= done["refused"]
        assert outcomes["cancelled"] == done["left"]


def test_what_grows_or_keeps_files_does_not_count_as_settled():
    steady = [Look(100 << 20, 40)] * 9
    assert_settled(steady)
    with pytest.raises(AssertionError, match="MiB more"):
        assert_settled([Look((100 + 5 * n) << 20, 40) for n in range(9)])
    with pytest.raises(AssertionError):
        assert_settled([Look(100 << 20, 40 + 5 * n) for n in range(9)])
