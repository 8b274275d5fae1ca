"""OPA killed, hung, slow and answering nonsense while many call: nothing is let through meanwhile.

A whole sidecar as a process, a real OPA behind a proxy, and callers without pause. Half of what
they call is allowed by the policy, the other half is refused by it, so that a call which was let
through without a decision shows at the backend.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import opa_parts
import orjson
import pytest
from flow import ask, call
from leak_parts import READ, Scripted
from opa_parts import FLOOD, Proxy, http
from starlette.requests import Request
from starlette.responses import Response
from world import ACCEPT, PATIENCE, Everything, logged, served

from sidecar.local.processes import free_port
from sidecar.settings import shipped

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

REFUSED = "delete_a_gladly_webhook_by_id"
CALLERS = 12
TIMEOUT_MS = 1000
_PROBED = 2.5
"""Seconds within which what is down was probed, in vain."""


@dataclass
class Seen(Scripted):
    """The backend, which keeps the names of the tools that were called."""

    tools: list[str] = field(default_factory=list)

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        asked = orjson.loads(body) if body else {}
        if asked.get("method") == "tools/call":
            self.tools.append(asked["params"]["name"])
        return await super()._answer(request)


class Probed(Everything):
    """A sidecar whose admin listener can be asked."""

    admin_url = ""

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        self.admin_url = f"http://127.0.0.1:{admin}"
        return super()._settings(port, admin)


class Load:
    """Callers who call without pause: what they call in turn is allowed and refused by the policy.

    `answers` are tool and HTTP status of each call, in the order in which they ended.
    """

    def __init__(self, world: Everything) -> None:
        self._url, self._bearer = world.url("everything"), world.bearer("agent")
        self.answers: list[tuple[str, int, bytes]] = []
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        headers = {"authorization": f"Bearer {self._bearer}", "accept": ACCEPT}
        self.http = aiohttp.ClientSession(headers=headers)
        self._tasks = [asyncio.create_task(self._call(one)) for one in range(CALLERS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.http.close()

    async def ask(self, body: Any) -> tuple[int, bytes]:
        """Send one request of the load's caller."""
        async with self.http.post(self._url, json=body) as reply:
            return reply.status, await reply.read()

    async def _call(self, number: int) -> None:
        while True:
            number += 1
            tool = READ if number % 2 else REFUSED
            status, body = await self.ask(call(tool, number))
            self.answers.append((tool, status, body))
            self._ended.set()

    def now(self) -> float:
        """The event loop's clock, in seconds."""
        return asyncio.get_running_loop().time()

    def is_well(self) -> bool:
        """Whether the last calls were all answered, some with what they asked for."""
        last = self.answers[-2 * CALLERS :]
        return {(tool, status) for tool, status, _ in last} == {(READ, 200), (REFUSED, 200)}

    async def more(self, count: int) -> list[tuple[str, int, bytes]]:
        """The answers of at least so many calls that all began after this was asked."""
        begin = len(self.answers) + CALLERS  # those that are under way do not count
        await self.until(lambda: len(self.answers) >= begin + count)
        return self.answers[begin:]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what the answers show."""
        async with asyncio.timeout(2 * PATIENCE):
            while not is_so():
                for task in self._tasks:
                    assert not task.done(), task
                self._ended.clear()
                await self._ended.wait()


@dataclass
class Stage:
    """What a scene is played on: OPA, the proxy before it, who calls and who is called."""

    process: opa_parts.Opa
    port: int
    proxy: Proxy
    load: Load
    backend: Seen
    world: Probed


LOADED = ("--bundle", str(shipped("policies")), "--ignore", "*_test.rego")


@contextlib.contextmanager
def _ends(stage: list[opa_parts.Opa]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in stage:
            process.kill()
            process.wait(timeout=10)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """A sidecar with OPA behind a proxy, under load."""
    port, backend = free_port(), Seen()
    process = opa_parts.start(*LOADED, address=f"127.0.0.1:{port}")
    with _ends([process]), served(backend.app(), has_list=False) as url:
        opa_parts.await_answer(("127.0.0.1", port), process)
        async with Proxy(port).listening() as proxy:
            policy = {"engine": "opa", "opa_url": proxy.url, "timeout_ms": TIMEOUT_MS}
            async with (
                Probed(folder, f"{url}/mcp", policy=policy) as world,
                Load(world) as load,
            ):
                yield Stage(process, port, proxy, load, backend, world)


async def played(
    stage: Stage,
    breaks: Callable[[], object],
    mends: Callable[[], object],
    seconds: float = _PROBED,
) -> None:
    """One scene: all is well, it breaks, it stays so for some seconds, it is mended."""
    load, backend = stage.load, stage.backend
    await load.until(load.is_well)
    breaks()
    await load.more(1)
    reached, until = len(backend.tools), load.now() + seconds
    others = asyncio.create_task(_other_work(stage))
    broken = await load.more(48)
    await load.until(lambda: load.now() > until)
    await asyncio.wait_for(others, PATIENCE)
    assert {status for _, status, _ in broken} == {503}
    assert all(b"-32603" in body for _, _, body in broken)
    assert len(backend.tools) == reached
    mends()
    await load.until(load.is_well)
    assert len(backend.tools) > reached
    assert set(backend.tools) == {READ}


def reasons(stage: Stage) -> set[str]:
    """Why calls were answered 503, as the audit log has it."""
    events = logged(stage.world)
    return {e["decision"]["reason"] for e in events if e["outcome"].get("http") == 503}


async def _other_work(stage: Stage) -> None:
    """What needs no decision is answered as ever, at once and again."""
    for number in range(5):
        status, body = await stage.load.ask(ask("ping", number))
        assert (status, orjson.loads(body)["result"]) == (200, {})
        for path in ("livez", "readyz"):
            async with stage.load.http.get(f"{stage.world.admin_url}/{path}") as reply:
                assert reply.status == 200


async def test_an_opa_that_is_killed_lets_nothing_through_and_is_asked_again_once_it_is_back(
    tmp_path,
):
    async with staged(tmp_path) as stage:
        again: list[opa_parts.Opa] = []

        def breaks() -> None:
            stage.process.kill()
            stage.process.wait(timeout=10)

        def mends() -> None:
            again.append(opa_parts.start(*LOADED, address=f"127.0.0.1:{stage.port}"))

        with _ends(again):
            await played(stage, breaks, mends)
        assert "policy_failed" in reasons(stage)


async def test_an_opa_that_hangs_lets_nothing_through_and_is_asked_again_once_it_goes_on(tmp_path):
    async with staged(tmp_path) as stage:
        process = stage.process
        await played(
            stage,
            lambda: process.send_signal(signal.SIGSTOP),
            lambda: process.send_signal(signal.SIGCONT),
        )
        assert reasons(stage) >= {"policy_timed_out", "policy_failed"}


async def test_an_opa_that_is_too_slow_lets_nothing_through_and_recovers_when_it_is_faster(
    tmp_path,
):
    async with staged(tmp_path) as stage:
        slow = 3 * TIMEOUT_MS / 1000
        await played(stage, lambda: stage.proxy.turn(delay=slow), stage.proxy.turn)
        assert reasons(stage) >= {"policy_timed_out", "policy_failed"}


YES = {"allow": True, "grants": [], "denials": [], "masks": []}
ALL = orjson.dumps({"result": {"tools": {READ: YES, REFUSED: YES}}})
NONSENSE = {
    "a web page": http(b"<h1>Welcome</h1>", "text/html"),
    "a web page that calls itself JSON": http(b"<h1>Welcome</h1>"),
    "an error": http(b'{"code": "internal_error"}', status="500 Internal Server Error"),
    "a bad gateway": http(b"bad gateway", "text/plain", "502 Bad Gateway"),
    "no policy": http(b"{}"),
    "yes": http(b'{"result": true}'),
    "yes to the tool": http(b'{"result": {"allow": true}}'),
    "yes without a grant": http(ALL),
    "the half of it": http(b'{"result": {"tools": {}}}')[:-9],
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "a redirect": http(b"", status="307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/"),
    "a body without an end": FLOOD,
}


async def test_an_opa_that_answers_nonsense_lets_nothing_through_and_recovers(tmp_path):
    """One after the other, before one sidecar, which recovers each time."""
    async with staged(tmp_path) as stage:
        for what, said in NONSENSE.items():
            turned = functools.partial(stage.proxy.turn, instead=said)
            try:
                await played(stage, turned, stage.proxy.turn, 0.0)
            except AssertionError as error:
                raise AssertionError(what) from error
        # Which of them came before the breaker opened is a matter of who was quicker.
        seen = reasons(stage)
        assert "policy_failed" in seen
        assert seen <= {
            "policy_failed",
            "policy_undefined",
            "policy_malformed",
            "policy_timed_out",
        }
