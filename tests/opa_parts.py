"""A real OPA for tests, servers that pretend to be one, and a proxy that spoils its answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import tools

from sidecar.local.processes import free_port

Opa = subprocess.Popen[bytes]


def start(*words: str | Path, address: str) -> Opa:
    """Start a real OPA at `host:port` or `unix://path`; `words` say what it loads."""
    options = ["--addr", address, "--log-level", "error", "--skip-version-check"]
    return subprocess.Popen([tools.require("opa"), "run", "--server", *options, *words])


@contextmanager
def opa(*folders: Path, are_bundles: bool = True, port: int = 0) -> Iterator[tuple[str, Opa]]:
    """A real OPA that serves folders, which nobody can change if they are bundles; ready to ask."""
    port = port or free_port()
    option = ["--bundle"] if are_bundles else []
    given = [word for folder in folders for word in (*option, str(folder))]
    process = start(*given, address=f"127.0.0.1:{port}")
    try:
        await_answer(("127.0.0.1", port), process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait(timeout=10)


def await_answer(address: tuple[str, int] | str, process: Opa) -> None:
    """Wait until an OPA listens, at a host and port or at a socket's path."""
    pause = threading.Event()
    for _ in range(500):
        assert process.poll() is None, "OPA ended"
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as probe:
            if probe.connect_ex(address) == 0:
                return
        pause.wait(0.02)
    raise AssertionError("OPA does not listen")


@asynccontextmanager
async def answering(raw: bytes | None) -> AsyncIterator[str]:
    """A server that gives every request one answer; with None it never answers."""
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while await reader.readline() not in {b"\r\n", b""}:
            pass
        if raw is not None:
            writer.write(raw)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()


def http(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    """A whole HTTP answer, after which the connection closes."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


FLOOD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n" + b" "
"""An answer whose body does not end: the proxy goes on writing spaces."""


class Proxy:
    """Stands before an OPA and passes everything, until it is told to spoil it.

    `delay` are seconds by which each answer is late; `instead` is what is answered in OPA's place.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.delay = 0.0
        self.instead: bytes | None = None
        self.url = ""
        self._open: set[asyncio.StreamWriter] = set()

    def turn(self, *, instead: bytes | None = None, delay: float = 0.0) -> None:
        """Do otherwise from now on; connections that stand end when the answer is another."""
        is_other = instead is not self.instead
        self.instead, self.delay = instead, delay
        for writer in self._open if is_other else ():
            writer.transport.abort()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            self.turn()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await (
                self._pass(reader, writer) if self.instead is None else self._spoil(reader, writer)
            )
        self._open.discard(writer)
        writer.close()

    async def _spoil(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        said = self.instead or b""
        writer.write(said)
        while said is FLOOD:
            writer.write(b" " * 65_536)
            await writer.drain()
        await writer.drain()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        self._open.add(ours)
        back = asyncio.create_task(self._copy(theirs, writer, is_late=True))
        try:
            await self._copy(reader, ours)
        finally:
            back.cancel()
            self._open.discard(ours)
            ours.close()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_late: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if is_late:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
