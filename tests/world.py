"""Real processes for tests: the demo's whole world, or one sidecar in front of a test's backend.

Both are asynchronous context managers. `staged` runs one in an event loop of its own, so that the
tests of a module share it.
"""

from __future__ import annotations

import asyncio
import gc
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import flow
import httpx2
import orjson
import yaml
from anyio.from_thread import start_blocking_portal
from gladly_fixtures import listening
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidecar import identity
from sidecar.demo.world import World

ACCEPT = "application/json, text/event-stream"
LEGACY = "2025-11-25"
PATIENCE = 15.0
"""Longest wait for anything, in seconds; only a failing test waits that long."""

AnyWorld = TypeVar("AnyWorld", bound=World)


class Behind(World):
    """One sidecar process in front of the backend at `target`; `changes` are settings by section.

    Its endpoints are the demo's.
    """

    def __init__(self, folder: Path, target: str, **changes: dict[str, Any]) -> None:
        super().__init__(folder)
        self.target = target
        self._changes = changes

    async def _start(self) -> None:
        self.backend_token = self._secret("backend-token")
        self._secret("bearer-secret")
        self._secret("endpoint-key")
        await self.start_sidecar()

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        settings = super()._settings(port, admin)
        settings["backend"]["url"] = self.target
        for section, changed in self._changes.items():
            settings[section] = settings.get(section, {}) | changed
        return settings

    @property
    def process(self) -> Process:
        """The sidecar's process."""
        return self._processes[0]

    async def stop_sidecar(self) -> None:
        """End the sidecar, so that nothing more is written to its log."""
        for process in self._processes:
            await ended(process)


class Everything(Behind):
    """A sidecar with one more endpoint, which offers every method, and a role that may do all."""

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        settings = super()._settings(port, admin)
        token = identity.new_endpoint_token()
        self._paths["everything"] = f"/mcp/{token}"
        methods = ["read", "write", "custom"]
        entry = {"name": "everything", "token_hash": self.token_hash(token), "methods": methods}
        settings["endpoints"].append(entry)
        return settings


def trusting(folder: Path) -> dict[str, Any]:
    """The operator's data: one role is trusted with everything."""
    config: dict[str, Any] = {
        "destructive_roles": ["admin"],
        "bulk_roles": ["admin"],
        # One caller tries everything there is, in any order.
        "tainted_minutes": 0,
        "customers_per_hour": 0,
    }
    (folder / "site").mkdir()
    (folder / "site" / "data.yaml").write_text(yaml.safe_dump({"site": {"config": config}}))
    return {"site_folder": str(folder / "site")}


class Listed:
    """In front of a scripted backend: answers the sidecar's own look at the list of tools."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        first: Message | None = await receive()
        if first is not None and b'"name":"gladly-mcp-sidecar"' not in first.get("body", b""):

            async def again() -> Message:
                nonlocal first
                given, first = first, None
                return given or await receive()

            await self._app(scope, again, send)
            return
        tools = [{"name": row.tool.name} for row in flow.CATALOG.rows]
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}})
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def served(app: ASGIApp, *, has_list: bool = True) -> Iterator[str]:
    """Serve a backend on a free port, in a thread; gives its base URL.

    A scripted backend `has_list` not: the sidecar's own look at its tools is then answered for it.
    """
    _drop_engines()
    with listening(app if has_list else Listed(app)) as url:
        yield url


@contextmanager
def staged(world: AnyWorld) -> Iterator[AnyWorld]:
    """Run a world for several tests, in a thread with its own event loop."""
    _drop_engines()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(world):
        yield world


async def ended(process: Process) -> int:
    """Tell a process to stop (SIGTERM) and give its exit code.

    Raises:
        TimeoutError: It did not stop within PATIENCE.
    """
    if process.returncode is None:
        process.terminate()
    return await asyncio.wait_for(process.wait(), PATIENCE)


def caller(bearer: str) -> httpx2.AsyncClient:
    """A plain HTTP client that sends what every MCP client sends."""
    headers = {"authorization": f"Bearer {bearer}", "accept": ACCEPT}
    return httpx2.AsyncClient(headers=headers, trust_env=False, timeout=PATIENCE)


async def handshake(http: httpx2.AsyncClient, url: str) -> dict[str, str]:
    """Open a session of the handshake era; gives the headers that go with it."""
    hello = flow.ask(
        "initialize",
        0,
        protocolVersion=LEGACY,
        capabilities={},
        clientInfo={"name": "test", "version": "1"},
    )
    answer = await http.post(url, json=hello)
    assert answer.status_code == httpx2.codes.OK, answer.text
    session = {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": LEGACY}
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = await http.post(url, json=done, headers=session)
    assert answer.status_code == httpx2.codes.ACCEPTED
    return session


def logged(world: World, stage: str = "outcome", **mcp: Any) -> list[dict[str, Any]]:
    """The events of the audit log of one stage whose `mcp` section holds these members."""
    events = [orjson.loads(line) for line in world.audit_log.read_bytes().splitlines()]
    return [
        event for event in events if event["stage"] == stage and mcp.items() <= event["mcp"].items()
    ]


def _drop_engines() -> None:
    """Collect garbage before a thread could: an embedded engine dies only where it was made."""
    gc.collect()
