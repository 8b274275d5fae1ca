"""The MCP listener's raw ASGI endpoint: scope to Head, Reply to messages.

It reads the body only when the road asks for it. A caller who goes away cancels the call where the
protocol says so: in the stateless era, and for a stream that only listens. A call of the handshake
era runs on, since its client may come back for the result. A `StreamingResponse` or a buffering
middleware could do neither.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Final

from sidecar import edge
from sidecar.errors import Inadmissible
from sidecar.model import Head, Reply
from sidecar.pipeline import Road

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_BLANKS: Final = b" \t"
_STREAM_HEADERS: Final = (
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_LOOK_SECONDS: Final = 1.0
"""Between two looks at whether the callers of open streams are still welcome."""


class Endpoint:
    """The ASGI application. Sizes in bytes, times in seconds.

    `documents` are public and the same for everybody: they are answered by path alone, to whoever
    asks, without a word in the audit log.
    """

    def __init__(
        self,
        road: Road,
        request_bytes: int,
        body_timeout: float,
        documents: Mapping[str, Reply] = MappingProxyType({}),
    ) -> None:
        self._road = road
        self._limit = request_bytes
        self._timeout = body_timeout
        self._open: dict[asyncio.Timeout, Reply] = {}
        self._look: asyncio.TimerHandle | None = None
        self._documents = documents

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A caller who went away gets nothing."""
        head = head_of(scope)
        if head.verb == "GET" and head.path in self._documents:
            await _send_body(self._documents[head.path], send)
            return
        is_cancelled_by_leaving = head.verb != "POST" or edge.speaks_modern(head)
        call = _Call(receive, self._limit, self._timeout)
        if head.verb != "POST":
            # No body will be read, and a listener may be silent for long: watch from the start.
            call.watch()
        elif is_cancelled_by_leaving:
            call.watch_after_body = True
        try:
            reply = await self._road.handle(head, call.read_body)
            if reply.stream is None:
                await _send_body(reply, send)
            else:
                await self._send_stream(reply, reply.stream, send)
        except asyncio.CancelledError:
            if not call.has_left:
                raise
        finally:
            call.close()

    def drain(self) -> None:
        """End every stream that only listens; calls in flight go on to their result."""
        for deadline, reply in self._open.items():
            if reply.is_listener:
                _cut(deadline)

    def _end_unwelcome(self) -> None:
        """End the streams of callers who were revoked; look again while any stream is open."""
        later = asyncio.get_running_loop().call_later
        # First of all, so that a look that fails is followed by another.
        self._look = later(_LOOK_SECONDS, self._end_unwelcome) if self._open else None
        for deadline, reply in self._open.items():
            if reply.is_welcome is not None and not reply.is_welcome():
                _cut(deadline)

    async def _send_stream(
        self, reply: Reply, stream: AsyncGenerator[bytes, None], send: Send
    ) -> None:
        async with aclosing(stream) as chunks:
            await _start(reply, _STREAM_HEADERS, send)
            await self._relay(reply, chunks, send)
        await send({"type": "http.response.body", "body": b""})

    async def _relay(self, reply: Reply, chunks: AsyncGenerator[bytes, None], send: Send) -> None:
        """Send each chunk as it comes, until the end, the caller's expiry, or the shutdown."""
        left = None if reply.ends_at is None else max(0.0, reply.ends_at - time.time())
        deadline = asyncio.timeout(left)
        try:
            async with deadline:
                self._open[deadline] = reply
                if self._look is None:
                    self._end_unwelcome()
                async for chunk in chunks:
                    if chunk:
                        message = {"type": "http.response.body", "body": chunk, "more_body": True}
                        await send(message)
        except TimeoutError:
            if not deadline.expired():
                raise
        finally:
            self._open.pop(deadline, None)


class _Call:
    """The receiving half of one request: its body, then the watch for a disconnect."""

    def __init__(self, receive: Receive, limit: int, timeout: float) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout = timeout
        self._task = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None
        self.watch_after_body = False
        self.has_left = False

    async def read_body(self) -> bytes:
        """Read the whole body.

        Raises:
            Inadmissible: 413 over the limit, 408 too slow or broken off.
        """
        try:
            async with asyncio.timeout(self._timeout):
                body = await self._read()
        except TimeoutError:
            raise Inadmissible("slow body", reason="body_timeout", status=408) from None
        if self.watch_after_body:
            self.watch()
        return body

    def watch(self) -> None:
        """From now on, cancel the call when its caller goes away."""
        self._watch = asyncio.get_running_loop().create_task(self._watch_for_leave())

    async def _read(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise Inadmissible("body broken off", reason="body_cut", status=408)
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                raise edge.too_large(self._limit)
            chunks.append(chunk)
            if not event.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _watch_for_leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()


def _cut(deadline: asyncio.Timeout) -> None:
    """Let it end now; one that is ending already cannot be moved any more."""
    if not deadline.expired():
        deadline.reschedule(asyncio.get_running_loop().time())


def head_of(scope: Scope) -> Head:
    """The head of a request as ASGI gives it."""
    path = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    client = scope.get("client")
    return Head(
        verb=scope["method"],
        path=f"{path}?{query}" if query else path,
        # RFC 9110 section 5.5: blanks around a value are no part of it; httptools leaves them.
        headers=tuple(
            (name.decode("latin-1"), value.strip(_BLANKS).decode("latin-1"))
            for name, value in scope["headers"]
        ),
        client_ip=client[0] if client else "",
    )


async def _start(reply: Reply, more: tuple[tuple[bytes, bytes], ...], send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    headers.extend(more)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def _send_body(reply: Reply, send: Send) -> None:
    has_no_body = reply.status in {202, 204}
    length = () if has_no_body else ((b"content-length", b"%d" % len(reply.body)),)
    await _start(reply, length, send)
    await send({"type": "http.response.body", "body": reply.body})
