"""The servers of three SDKs and a real sidecar in front of each, with a read-only endpoint."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import tools
from world import PATIENCE, Behind

from hostile import CASES
from hostile.request import ALLOWED, Answer, Case, Site, call, send
from sidecar.demo.world import World

HERE = Path(__file__).parent
SERVERS = ("python", "typescript-1", "typescript-2")
DISCOVERY = "discovery"
"""The Python server again, behind a sidecar that takes `call_tool` for a wrapper."""

AT_ONCE = 8
"""Connections at a time; the point is to send many requests, not to overload anything."""

GOOD = Case("", "good", call(ALLOWED))
Ran = list[tuple[str, str]]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Target:
    """One server and the sidecar in front of it."""

    url: str
    sidecar: Behind

    def through(self, case: Case, mark: str) -> Answer:
        """Send a case to the sidecar's read-only endpoint."""
        parts = urlsplit(self.sidecar.url("read-only"))
        site = Site(parts.port or 0, parts.path, self.sidecar.bearer("agent"), mark)
        return send(site.port, case.written(site))

    def direct(self, case: Case, mark: str) -> Answer:
        """Send a case to the server itself, which owes us no answer."""
        port = urlsplit(self.url).port or 0
        return send(port, case.written(Site(port, "/mcp", "x", mark)), bound=1.0, quiet=0.1)

    def ran(self) -> Ran:
        """The tools that ran so far, and the marks that their arguments held."""
        got = httpx2.get(f"{self.url}/ran", timeout=PATIENCE, trust_env=False).json()
        return [(tool, mark) for tool, mark in got]

    def try_all(self) -> tuple[list[Tried], Ran]:
        """Send every case through, each followed by a good call; and what ran by then."""
        return _each(self._try), self.ran()

    def bitten(self) -> set[Case]:
        """The cases whose refused tool runs when they are sent direct."""
        _each(lambda number: self.direct(CASES[number], f"direct-{number}"))
        self.direct(GOOD, "good")
        ran = {mark for tool, mark in self.ran() if is_refused(tool)}
        return {case for number, case in enumerate(CASES) if f"direct-{number}" in ran}

    def _try(self, number: int) -> Tried:
        case = CASES[number]
        answer = self.through(case, f"through-{number}")
        return Tried(case, answer, self.through(GOOD, "good"))


@dataclass(frozen=True)
class Tried:
    """A case, what the sidecar answered to it, and to the good call after it."""

    case: Case
    answer: Answer
    good: Answer


def culprits(ran: Ran) -> list[str]:
    """The refused tools that ran, and the case that each came with, if it is known."""
    return [f"{tool} by {_case(mark)}" for tool, mark in ran if is_refused(tool)]


def _case(mark: str) -> str:
    number = mark.removeprefix("through-")
    case = CASES[int(number)] if number.isdecimal() else None
    return f"{case.line}: {case.name[:60]}" if case else repr(mark)


def is_refused(tool: str) -> bool:
    """Whether a read-only endpoint refuses the tool."""
    return f'"{tool}"' != ALLOWED


def _each(act: Callable[[int], Made]) -> list[Made]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(act, range(len(CASES))))


class Lab(World):
    """Servers and sidecars by name, all started at the same time."""

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__(folder)
        self.targets: dict[str, Target] = {}
        self._names = names
        self._sidecars = AsyncExitStack()

    async def __aexit__(self, *_: object) -> None:
        await self._sidecars.aclose()
        await super().__aexit__()

    async def _start(self) -> None:
        servers = [name for name in self._names if name != DISCOVERY]
        started = await asyncio.gather(*(self._serve(_command(name)) for name in servers))
        urls = dict(zip(servers, started, strict=True))
        if DISCOVERY in self._names:
            urls[DISCOVERY] = urls["python"]
        await asyncio.gather(*(self._guard(name, url) for name, url in urls.items()))

    async def _serve(self, command: Sequence[Path | str]) -> str:
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL)
        self._processes.append(process)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert line, f"{command[-1]} did not start"
        return line.decode().strip()

    async def _guard(self, name: str, url: str) -> None:
        changes: dict[str, dict[str, Any]] = {"limits": {"body_timeout": 1.0}}
        if name == DISCOVERY:
            changes["backend"] = {"tool_exposure": "discovery"}
        sidecar = Behind(self.folder / name, f"{url}/mcp", **changes)
        await self._sidecars.enter_async_context(sidecar)
        self.targets[name] = Target(url, sidecar)


def _command(name: str) -> tuple[Path | str, Path]:
    if name == "python":
        return sys.executable, HERE / "server.py"
    scripts = tools.require("npm-packages").parent
    return tools.require("node"), scripts / f"server_v{name[-1]}.mjs"
