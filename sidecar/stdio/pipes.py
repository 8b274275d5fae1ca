"""Standard input as lines, standard output for whole lines, without blocking anybody else.

Pipes, sockets and terminals are waited for by the event loop. It cannot wait for files and
`/dev/null`, which never make anybody wait for long: those are read and written as they are.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO, Final, TextIO

from sidecar.errors import SidecarError

_CHUNK: Final = 64 * 1024


async def lines(limit: int) -> AsyncIterator[bytes]:
    """Every line of standard input until it ends.

    Of a line longer than `limit` bytes only so much is given that it is refused as too large.

    Raises:
        SidecarError: standard input is closed.
    """
    read = await _reading(_open(sys.stdin, "input"))
    pending = b""
    while chunk := await read():
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            yield line
        pending = pending[: limit + 1]
    if pending:
        yield pending


class Output:
    """Standard output: `line` writes one, after those before it."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self._file: BinaryIO | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Take standard output over.

        Raises:
            SidecarError: standard output is closed.
        """
        file = _open(sys.stdout, "output")
        if not _is_awaited(file):
            self._file = file
            return
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file)
        self._writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def line(self, data: bytes) -> None:
        """Write one line; waits while the client does not read."""
        async with self._lock:
            if self._file is not None:
                self._file.write(data + b"\n")
                self._file.flush()
            elif self._writer is not None:
                self._writer.write(data + b"\n")
                await self._writer.drain()


async def _reading(file: BinaryIO) -> Callable[[], Awaitable[bytes]]:
    """What gives the next bytes of a file, and none at its end."""
    if not _is_awaited(file):
        return lambda: asyncio.to_thread(os.read, file.fileno(), _CHUNK)
    reader = asyncio.StreamReader(limit=_CHUNK)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    return lambda: reader.read(_CHUNK)


def _open(stream: TextIO | None, name: str) -> BinaryIO:
    """The bytes of a standard stream; Python has none for one that was closed."""
    if stream is None:
        raise SidecarError(f"standard {name} is closed: start this from an MCP client")
    return stream.buffer


def _is_awaited(file: BinaryIO) -> bool:
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty()
