"""A simulated Gladly and the MCP backend in front of it, for tests: in process or on sockets."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from mcp_types import CallToolResult, TextContent
from starlette.types import ASGIApp

from sidecar.catalog import Catalog, load
from sidecar.gladly import backend
from sidecar.gladly.client import Client
from sidecar.gladly.serve import Listener
from sidecar.gladly.simulator import Faults, World, simulator

CATALOG = Path(__file__).parents[1] / "tool_catalog"
EMAIL, TOKEN = "api@sample-store.example", "sample-token"
BEARER = "between-sidecar-and-backend"
ERAS = ("legacy", "auto")


def catalog() -> Catalog:
    return load([CATALOG])


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: datetime = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Pauses:
    """Waits for nothing, and keeps how long somebody would have waited."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@dataclass
class Gladly:
    """The simulator in process, asked synchronously."""

    rate: int = 1000
    reports_per_minute: int = 1000
    has_retry_after: bool = True
    latency: float = 0.0
    jitter: float = 0.0
    faults: Faults = field(default_factory=Faults)
    pauses: Pauses = field(default_factory=Pauses)
    world: World = field(default_factory=World.seeded)
    clock: Clock = field(default_factory=Clock)
    auth: tuple[str, str] | None = (EMAIL, TOKEN)

    def __post_init__(self) -> None:
        self.app = simulator(
            self.world,
            (EMAIL, TOKEN),
            rate=self.rate,
            reports_per_minute=self.reports_per_minute,
            has_retry_after=self.has_retry_after,
            latency=self.latency,
            jitter=self.jitter,
            faults=self.faults,
            clock=self.clock,
            pause=self.pauses,
        )

    def id_of(self, label: str) -> str:
        """The id behind a label of the seed's."""
        return self.world.id_of(label)

    def __call__(self, verb: str, path: str, **options: Any) -> httpx2.Response:
        async def ask() -> httpx2.Response:
            transport = httpx2.ASGITransport(self.app)
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://gladly.example/api/v1", auth=self.auth
            ) as http:
                return await http.request(verb, path, **options)

        return asyncio.run(ask())


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """Serve an ASGI application on a free port in a thread; yields its URL."""
    urls: queue.Queue[str] = queue.Queue()
    listener = Listener(app, "127.0.0.1", 0, urls.put)
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        yield urls.get(timeout=10)
    finally:
        listener.should_exit = True
        thread.join(timeout=10)


@dataclass
class Stack:
    """A simulator and a backend in front of it, both listening."""

    world: World
    clock: Clock
    gladly_url: str
    url: str


@contextmanager
def stack(
    folder: Path,
    *,
    rate: int = 1000,
    bearer: str = "",
    has_retry_after: bool = True,
    scope: backend.Scope | None = None,
) -> Iterator[Stack]:
    """Run both programs; the backend's MCP endpoint is `Stack.url`."""
    token_file = folder / "token"
    token_file.write_text(f"{TOKEN}\n")
    world, clock = World.seeded(), Clock()
    gladly = simulator(
        world, (EMAIL, TOKEN), rate=rate, has_retry_after=has_retry_after, clock=clock
    )
    with listening(gladly) as gladly_url:
        app = backend.app(
            Client(gladly_url, EMAIL, token_file),
            catalog(),
            bearer=bearer,
            scope=scope or backend.Scope(),
        )
        with listening(app) as url:
            yield Stack(world, clock, gladly_url, f"{url}{backend.PATH}")


def text(outcome: CallToolResult) -> str:
    """What a model that reads only text sees."""
    block = outcome.content[0]
    assert isinstance(block, TextContent)
    return block.text
