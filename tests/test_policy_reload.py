"""A folder that changes under load, over sockets: live in seconds, nobody dropped, no mix."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import flow
import httpx2
import orjson
import pytest
import yaml
from engine_parts import put
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from test_policy_generation import DENIAL, denying
from world import PATIENCE, Behind, caller, logged, served

from sidecar.policy import load
from sidecar.settings import shipped

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

TOOLS = ("list_all_gladly_inboxes", "list_all_gladly_teams", "list_all_gladly_topics")
ENDPOINT = "read-only"


async def _answer(request: Request) -> JSONResponse:
    """The backend: every tool gives nothing, and a list names all that there are."""
    asked = await request.json()
    result: Any = {"content": [], "structuredContent": {}, "isError": False}
    if asked["method"] == "tools/list":
        result = {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
    return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": result})


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    app = Starlette(routes=[Route("/mcp", _answer, methods=["POST"])])
    with served(app) as url:
        yield f"{url}/mcp"


class Reloading(Behind):
    """A sidecar with a site's folder; whatever is let turn is set by `guard_share`."""

    def __init__(self, folder: Path, target: str, guard_share: float) -> None:
        self.site = put(folder / "site", denying("no_such_tool"))
        policy = {"site_folder": str(self.site), "guard_share": guard_share}
        # Whoever was refused by one policy may ask again under the next.
        super().__init__(folder, target, policy=policy)

    def change(self, files: dict[str, Any]) -> str:
        """Write files whole, one by one; gives the digest of what lies there then."""
        for name, text in files.items():
            new = self.site / f".{name}"
            new.write_text(text)
            new.replace(self.site / name)
        return load(shipped("policies"), self.site).sha256

    async def ready(self) -> httpx2.Response:
        """What the readiness probe says."""
        config = yaml.safe_load((self.folder / "sidecar.yaml").read_text())
        async with httpx2.AsyncClient(trust_env=False) as http:
            return await http.get(f"http://127.0.0.1:{config['admin']['port']}/readyz")

    async def numbers(self) -> str:
        config = yaml.safe_load((self.folder / "sidecar.yaml").read_text())
        async with httpx2.AsyncClient(trust_env=False) as http:
            return (await http.get(f"http://127.0.0.1:{config['admin']['port']}/metrics")).text


class Load:
    """Agents that call and list without a pause, and what they were answered."""

    def __init__(self, world: Reloading) -> None:
        self._world = world
        self.is_over = False
        self.answers: list[tuple[str, int, Any]] = []
        self._more = asyncio.Condition()

    async def agent(self, number: int) -> None:
        """Ask until it is over, and hear the last answer out."""
        url = self._world.url(ENDPOINT)
        async with caller(self._world.bearer(f"agent-{number}")) as http:
            for turn in itertools.count():
                if self.is_over:
                    return
                name = (*TOOLS, "tools/list")[(turn + number) % 4]
                body = flow.ask(name, turn) if "/" in name else flow.call(name, turn)
                sent, headers = flow.modern(body)
                answer = await http.post(url, json=sent, headers=headers)
                self.answers.append((name, answer.status_code, answer.json()))
                async with self._more:
                    self._more.notify_all()

    async def until(self, holds: Callable[[], Any]) -> float:
        """Wait for answers until it holds; gives the seconds that it took."""
        started = time.monotonic()
        async with asyncio.timeout(PATIENCE), self._more:
            await self._more.wait_for(holds)
        return time.monotonic() - started

    async def some(self, count: int = 40) -> None:
        """Wait for so many more answers."""
        before = len(self.answers)
        await self.until(lambda: len(self.answers) >= before + count)

    async def seen(self, tool: str, *, is_refused: bool) -> float:
        """Wait until a call of a tool is answered so."""
        before = len(self.answers)

        def holds() -> bool:
            new = self.answers[before:]
            return any(n == tool and _is_refused(body) is is_refused for n, _, body in new)

        return await self.until(holds)


def _is_refused(body: Any) -> bool:
    return "error" in body


@asynccontextmanager
async def loaded(world: Reloading, agents: int = 4) -> AsyncIterator[Load]:
    """A world that is up, under load."""
    async with world:
        load_ = Load(world)
        async with asyncio.TaskGroup() as group:
            for number in range(agents):
                group.create_task(load_.agent(number))
            await load_.some(80)
            yield load_
            load_.is_over = True


def _judged_by_one(world: Reloading, refused: dict[str, set[str]]) -> set[str]:
    """Hold every event's verdict against what the policy that it names says; gives those named."""
    named = set()
    for event in logged(world):
        decision, tool = event["decision"], event["mcp"].get("tool")
        digest = decision["policy_sha256"]
        named.add(digest)
        if tool is not None:
            assert (decision["result"] == "deny") is (tool in refused[digest]), event
        elif event["mcp"]["method"] == "tools/list":
            assert set(decision.get("hidden_tools", ())) == refused[digest], event
    return named


def _told(world: Reloading) -> list[str]:
    """What became of policies, as the log has it."""
    records = map(orjson.loads, world.audit_log.read_bytes().splitlines())
    what = [record["data"]["what"] for record in records if record["stage"] == "lifecycle"]
    return [word for word in what if word.startswith("policy_")]


async def test_changes_under_load_are_live_in_seconds_and_nobody_is_dropped_or_judged_by_a_mix(
    backend, tmp_path
):
    world = Reloading(tmp_path, backend, guard_share=1.0)
    first = load(shipped("policies"), world.site).sha256
    refused: dict[str, set[str]] = {first: set()}
    async with loaded(world) as load_:
        for turn in range(6):
            tool = TOOLS[turn % 3]
            refused[world.change(denying(tool))] = {tool}
            print(f"live after {await load_.seen(tool, is_refused=True):.2f} s")
            await load_.some()
        refused[world.change(denying("no_such_tool"))] = set()
        await load_.seen(tool, is_refused=False)
        assert (await world.ready()).text == "ok\n"
    await world.stop_sidecar()
    assert {status for _, status, _ in load_.answers} == {200}
    assert _judged_by_one(world, refused) == set(refused)
    assert _told(world) == ["policy_changed"] * 7


async def test_must_hold_a_valid_policy_that_refuses_everything_does_not_take_the_fleet_down(
    backend, tmp_path
):
    """The guard holds it, and says so; `sidecar policy confirm` lets it through."""
    world = Reloading(tmp_path, backend, guard_share=0.2)
    first = load(shipped("policies"), world.site).sha256
    async with loaded(world) as load_:
        held = world.change(denying("*"))
        await _until(world, lambda text: f"policy: {held[:12]} is held back" in text)
        await load_.some()
        assert not any(_is_refused(body) for _, _, body in load_.answers)
        ready = await world.ready()
        assert ready.status_code == httpx2.codes.OK
        assert f"{first[:12]} goes on deciding" in ready.text
        assert 'sidecar_policy_waiting{why="held"} 1.0' in await world.numbers()
        config = str(tmp_path / "sidecar.yaml")
        confirming = await world.spawn("policy", "confirm", held[:12], "--config", config)
        assert await confirming.wait() == 0
        await load_.seen(TOOLS[0], is_refused=True)
        assert (await world.ready()).text == "ok\n"
    await world.stop_sidecar()
    assert {status for _, status, _ in load_.answers} == {200}
    _judged_by_one(world, {first: set(), held: set(TOOLS)})
    assert _told(world) == ["policy_held", "policy_changed"]


async def test_a_folder_that_breaks_under_load_changes_nothing_and_readiness_says_so(
    backend, tmp_path
):
    world = Reloading(tmp_path, backend, guard_share=1.0)
    async with loaded(world) as load_:
        (world.site / "mine.rego").write_text(f"package site.rules.access.mine\n\ndeny {DENIAL}")
        await _until(world, lambda text: "policy: the newest is not usable: 1 problem" in text)
        await load_.some()
        assert (await world.ready()).status_code == httpx2.codes.OK
        world.change(denying(TOOLS[0]))
        await load_.seen(TOOLS[0], is_refused=True)
        assert (await world.ready()).text == "ok\n"
    assert {status for _, status, _ in load_.answers} == {200}


async def _until(world: Reloading, holds: Callable[[str], bool]) -> None:
    """Ask the readiness probe until its text is so."""
    ask: Callable[[], Awaitable[httpx2.Response]] = world.ready
    async with asyncio.timeout(PATIENCE):
        while not holds((await ask()).text):
            pass
