"""Standard input as lines, standard output for whole lines, without blocking anybody else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Final

_CHUNK: Final = 64 * 1024


async def lines(limit: int) -> AsyncIterator[bytes]:
    """Every line of standard input until it ends.

    Of a line longer than `limit` bytes only so much is given that it is refused as too large.
    """
    reader = asyncio.StreamReader(limit=_CHUNK)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    pending = b""
    while chunk := await reader.read(_CHUNK):
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
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Take standard output over."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, sys.stdout.buffer
        )
        self._writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def line(self, data: bytes) -> None:
        """Write one line; waits while the client does not read."""
        if self._writer is None:
            return
        async with self._lock:
            self._writer.write(data + b"\n")
            await self._writer.drain()
