"""Who asks: keep-alive connections with as little work per request as possible.

Closed loop: each connection asks again as soon as it is answered. Open loop: requests leave at
their own times, whether earlier ones were answered or not, so that waiting counts as latency.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_GAP = b"\r\n\r\n"
_DRAIN = 5.0
"""Seconds that the last answers may take."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, the whole request, and the body that is the right answer."""

    port: int
    request: bytes
    expected: bytes


@dataclass(slots=True)
class Seen:
    """What came back: how many right answers, how many others, and each one's latency in s."""

    right: int = 0
    wrong: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """One connection with one request at a time; `on_reply` gets status and body."""

    def __init__(self, on_reply: Callable[[Connection, int, bytes], None]) -> None:
        self._on_reply = on_reply
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._is_closed = False
        self.asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; uvloop's is none of asyncio's classes."""
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> None:
        """Send a request."""
        assert self._transport is not None
        self.asked = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Gather an answer; every server here says its length."""
        self._data += data
        head = self._data.find(_GAP) + len(_GAP)
        if head < len(_GAP):
            return
        length = _LENGTH.search(self._data, 0, head)
        end = head + int(length[1]) if length else head
        if len(self._data) >= end:
            status, body = int(self._data[9:12]), self._data[head:end]
            self._data = self._data[end:]
            self._on_reply(self, status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        """A server that hangs up while it is measured gave a wrong answer."""
        if not self._is_closed:
            self._on_reply(self, 0, b"")

    def close(self) -> None:
        """Hang up."""
        self._is_closed = True
        if self._transport is not None:
            self._transport.close()


async def _connected(
    port: int, count: int, on_reply: Callable[[Connection, int, bytes], None]
) -> list[Connection]:
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(on_reply), "127.0.0.1", port)
        for _ in range(count)
    ]
    return [protocol for _, protocol in opened]


async def once(port: int, request: bytes) -> tuple[int, bytes]:
    """Ask once; give status and body."""
    answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
    (connection,) = await _connected(
        port, 1, lambda _c, status, body: answer.set_result((status, body))
    )
    try:
        connection.ask(request)
        return await asyncio.wait_for(answer, _DRAIN)
    finally:
        connection.close()


async def closed_loop(target: Target, connections: int, seconds: float) -> Seen:
    """Ask on every connection, again and again; leave no question open for what comes next."""
    seen = Seen()
    busy = connections
    is_done = asyncio.Event()

    def on_reply(connection: Connection, status: int, body: bytes) -> None:
        nonlocal busy
        _count(seen, target, status, body)
        if status and time.perf_counter() < ends:
            connection.ask(target.request)
            return
        busy -= 1
        if not busy:
            is_done.set()

    asking = await _connected(target.port, connections, on_reply)
    started = time.perf_counter()
    ends = started + seconds
    for connection in asking:
        connection.ask(target.request)
    await asyncio.wait_for(is_done.wait(), seconds + _DRAIN)
    seen.seconds = time.perf_counter() - started
    for connection in asking:
        connection.close()
    return seen


async def open_loop(target: Target, rate: float, connections: int, seconds: float) -> Seen:
    """Ask `rate` times a second, whatever comes back; wait for the last answers."""
    seen = Seen()
    waiting: deque[float] = deque()
    total = max(1, round(rate * seconds))
    is_done = asyncio.Event()

    def on_reply(connection: Connection, status: int, body: bytes) -> None:
        _count(seen, target, status, body)
        seen.latencies.append(time.perf_counter() - connection.asked)
        if len(seen.latencies) >= total:
            is_done.set()
        if waiting and status:
            due = waiting.popleft()
            connection.ask(target.request)
            connection.asked = due
        elif status:
            free.append(connection)

    free = deque(await _connected(target.port, connections, on_reply))
    everyone = list(free)
    started = time.perf_counter()
    for number in range(total):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        if free:
            free.popleft().ask(target.request)
        else:
            waiting.append(time.perf_counter())
    await asyncio.wait_for(is_done.wait(), _DRAIN)
    seen.seconds = time.perf_counter() - started
    for connection in everyone:
        connection.close()
    return seen


def _count(seen: Seen, target: Target, status: int, body: bytes) -> None:
    if status == 200 and body == target.expected:
        seen.right += 1
    else:
        seen.wrong += 1
