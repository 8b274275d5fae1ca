"""The three programs under measurement: started on a core of their own, read through /proc."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks import load, payload
from sidecar import identity

_TESTS = Path(__file__).parents[1]
_START = 30.0
"""Seconds that a program may take to be ready."""
_POLL = 0.005
"""Seconds between two looks whether it is; also how exact start-up times are."""
_READY = b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
_ISSUER, _AUDIENCE = "https://issuer.example", "sidecar"


class NotStartedError(Exception):
    """A program of the measurement did not come up."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the proxies get, and which the load and the backend; None: any."""

    proxy: int | None = None
    rest: int | None = None

    @classmethod
    def of_machine(cls) -> Cores:
        """Two different cores, if this process may use two and may choose."""
        if not hasattr(os, "sched_setaffinity"):
            return cls()
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            return cls()
        os.sched_setaffinity(0, {allowed[1]})
        return cls(allowed[0], allowed[1])

    @contextmanager
    def on_proxy(self) -> Iterator[None]:
        """Run on the proxies' core until the block ends; what is started inside stays there."""
        if self.proxy is None or self.rest is None:
            yield
            return
        os.sched_setaffinity(0, {self.proxy})
        try:
            yield
        finally:
            os.sched_setaffinity(0, {self.rest})


@dataclass(frozen=True, slots=True)
class Program:
    """A running program: where it is asked, and how."""

    name: str
    process: Process
    port: int
    path: str = payload.PATH
    bearer: str = ""
    ready_after: float = 0.0

    def request(self, call: str) -> bytes:
        """The whole HTTP request of a call."""
        host = f"127.0.0.1:{self.port}"
        return payload.http(payload.CALLS[call], host, self.path, self.bearer)

    def cpu_ns(self) -> int:
        """Nanoseconds on a CPU so far, in user space and kernel, of every thread and child."""
        return sum(_thread_ns(path) for path in _threads(self.process.pid))

    def rss_bytes(self) -> int:
        """Resident memory at the moment."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    async def end(self) -> None:
        """Ask it to stop; insist after ten seconds."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


def _threads(pid: int) -> Iterator[Path]:
    """Every thread of a process and of its children, as folders of /proc."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield thread
        for child in (thread / "children").read_text().split():
            yield from _threads(int(child))


def _thread_ns(thread: Path) -> int:
    # A thread that has just ended takes its count along; the programs here keep theirs.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int((thread / "schedstat").read_text().split()[0])
    return 0


async def backend() -> Program:
    """Start the static backend on the core of the load."""
    port = _free_port()
    process = await _spawn(_TESTS, "benchmarks.backend", str(port))
    return await _ready(Program("direct", process, port), port)


async def passthrough(upstream: Program, cores: Cores) -> Program:
    """Start the bare proxy."""
    port = _free_port()
    with cores.on_proxy():
        process = await _spawn(_TESTS, "benchmarks.passthrough", str(port), _url(upstream))
    return await _ready(Program("pass-through", process, port), port)


async def sidecar(upstream: Program, cores: Cores, folder: Path) -> Program:
    """Start the sidecar as a user does: `serve` with a file of settings, the rest at default."""
    port, admin = _free_port(), _free_port()
    token = identity.new_endpoint_token()
    bearer = _credentials(folder)
    digest = identity.endpoint_hash(token, identity.endpoint_key(folder / "secret"))
    config = folder / "sidecar.yaml"
    config.write_text(yaml.safe_dump(_settings(folder, port, admin, _url(upstream), digest)))
    with cores.on_proxy():
        process = await _spawn(_TESTS.parent, "sidecar", "serve", "--config", str(config))
    return await _ready(Program("sidecar", process, port, f"/mcp/{token}", bearer), admin)


def _credentials(folder: Path) -> str:
    """Make the folder with the secret in it; give a bearer token that it signs."""
    folder.mkdir()
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(identity.new_endpoint_token())
    return identity.issue(
        secret.read_text(), issuer=_ISSUER, audience=_AUDIENCE, subject="agent-1", ttl_s=3600
    )


def _settings(folder: Path, port: int, admin: int, url: str, digest: str) -> dict[str, Any]:
    return {
        "listen": {"host": "127.0.0.1", "port": port},
        "admin": {"host": "127.0.0.1", "port": admin},
        "backend": {"url": url},
        "bearer": {
            "audience": _AUDIENCE,
            "issuers": [{"issuer": _ISSUER, "hs256_secret_file": str(folder / "secret")}],
        },
        "endpoint_key_file": str(folder / "secret"),
        "endpoints": [{"name": "bench", "token_hash": digest, "methods": ["read"]}],
        "audit": {"folder": str(folder / "audit")},
        "log": {"level": "warning"},
    }


def _url(upstream: Program) -> str:
    return f"http://127.0.0.1:{upstream.port}{payload.PATH}"


async def _spawn(folder: Path, *arguments: str) -> Process:
    # An empty environment: nobody's SIDECAR_ settings are measured along.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=folder, env={}, stdout=DEVNULL
    )


async def _ready(program: Program, port: int) -> Program:
    """Wait until the port answers 200, and note how long that took; else end the program."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_START):
            await _until_answered(program, port)
    except TimeoutError:
        await program.end()
        raise NotStartedError(f"{program.name} was not ready after {_START:.0f} s") from None
    except BaseException:
        await program.end()
        raise
    return replace(program, ready_after=time.perf_counter() - started)


async def _until_answered(program: Program, port: int) -> None:
    while not await _answers(port):
        await asyncio.sleep(_POLL)
        if program.process.returncode is not None:
            raise NotStartedError(f"{program.name} did not start; its reasons stand above")


async def _answers(port: int) -> bool:
    try:
        status, _ = await load.once(port, _READY)
    except OSError:
        return False
    return status == 200


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
