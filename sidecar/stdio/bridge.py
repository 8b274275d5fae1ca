"""Lines to requests, replies to lines: MCP over standard input and output, through the ten steps.

The client believes that it speaks to a server of its own (MCP, "stdio" transport); the road and the
backend speak Streamable HTTP. So the bridge does what an HTTP client would: it mirrors a stateless
message in headers, keeps a session and its listening stream after a handshake, and resumes a stream
that broke off early. In the stateless era a cancellation is a notification here, and a disconnect
there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from sidecar import edge, jsonrpc, sse
from sidecar.errors import Refusal
from sidecar.model import Head, Message, Reply
from sidecar.pipeline import Road

Write = Callable[[bytes], Awaitable[None]]

RATE_LIMITED: Final = -32000
"""Code of the error that stands for a 429, which a line cannot be; its data has the whole of it."""

_RESUMES: Final = 10
"""How often a stream is resumed that brings nothing new."""
_MAX_EVENT: Final = 1 << 24


class Bridge:
    """One client. `path` is the endpoint's, `host` a Host that the edge admits."""

    def __init__(self, road: Road, path: str, host: str, bearer: str, write: Write) -> None:
        self._road = road
        self._path = path
        self._always = [("host", host), ("accept", "application/json, text/event-stream")]
        if bearer:
            self._always.append(("authorization", f"Bearer {bearer}"))
        self._write = write
        self._session = ""
        self._version = ""
        self._calls: dict[str | int, asyncio.Task[None]] = {}
        self._listener: asyncio.Task[None] | None = None

    async def run(self, lines: AsyncIterator[bytes]) -> None:
        """Serve until the input ends or this is cancelled; calls in flight then end."""
        try:
            async for line in lines:
                if line.strip():
                    await self._take(line)
            await asyncio.gather(*self._calls.values(), return_exceptions=True)
        finally:
            await self._close()

    async def _take(self, line: bytes) -> None:
        """Walk one line down the road; only requests run beside each other."""
        try:
            message = jsonrpc.parse(line)
        except Refusal:
            # The road says what is wrong with it, and records that.
            await self._send(line, None)
            return
        if self._is_cancel(message):
            name = message.params.get("requestId")
            # What is no id names no call; an object or a list cannot even be looked up.
            call = self._calls.get(name) if isinstance(name, str | int) else None
            if call is not None:
                call.cancel()
            return
        if message.kind != "request" or message.id is None or message.method == "initialize":
            await self._send(line, message)
            return
        call, name = asyncio.ensure_future(self._send(line, message)), message.id
        self._calls[name] = call
        call.add_done_callback(lambda _: self._calls.pop(name, None))

    def _is_cancel(self, message: Message) -> bool:
        """Whether it asks to cancel a call of the stateless era, where leaving cancels."""
        return message.method == "notifications/cancelled" and not self._version

    async def _send(self, line: bytes, message: Message | None) -> None:
        headers = [*self._always, *self._headers(message)]
        headers += [("content-type", "application/json"), ("content-length", str(len(line)))]
        reply = await self._handle("POST", headers, line)
        self._note_session(message, reply)
        await self._tell(message, reply)
        if message is not None and message.method == "notifications/initialized":
            self._listen()

    async def _handle(self, verb: str, headers: list[tuple[str, str]], body: bytes = b"") -> Reply:
        async def read_body() -> bytes:
            return body

        return await self._road.handle(Head(verb, self._path, tuple(headers), "stdio"), read_body)

    def _headers(self, message: Message | None) -> list[tuple[str, str]]:
        mirrored: list[tuple[str, str]] = []
        with contextlib.suppress(Refusal):  # what cannot be mirrored, the road refuses
            mirrored = edge.mirrored(message) if message else []
        return mirrored or self._of_session()

    def _of_session(self) -> list[tuple[str, str]]:
        session = [("mcp-session-id", self._session)] if self._session else []
        return session + ([("mcp-protocol-version", self._version)] if self._version else [])

    def _note_session(self, message: Message | None, reply: Reply) -> None:
        if message is not None and message.method == "initialize":
            self._session = reply.get("mcp-session-id")

    async def _tell(self, message: Message | None, reply: Reply) -> None:
        """Write what a reply says; a request is always answered."""
        if reply.stream is not None:
            await self._relay(message, reply)
        elif reply.status == 429:  # noqa: PLR2004 - RFC 6585
            await self._write(_rate_limited(message, reply))
        elif reply.body:
            self._note_version(message, reply.body)
            await self._write(reply.body)
        elif reply.status >= 400 and message is not None and message.kind == "request":  # noqa: PLR2004
            text = f"The backend answered HTTP {reply.status}."
            await self._write(jsonrpc.error(message.id, jsonrpc.INTERNAL_ERROR, text))

    async def _relay(self, message: Message | None, reply: Reply) -> None:
        """Write each event of a stream, and go on where it broke off before the result."""
        resumes = 0
        while True:
            is_answered, last_id = await self._events(message, reply)
            is_over = is_answered or message is None or not last_id or not self._session
            resumes += 1
            if is_over or resumes > _RESUMES:
                return
            headers = [*self._always, *self._of_session(), ("last-event-id", last_id)]
            reply = await self._handle("GET", headers)
            if reply.stream is None:
                await self._tell(message, reply)
                return

    async def _events(self, message: Message | None, reply: Reply) -> tuple[bool, str]:
        """Write the events of one stream; whether the result was among them, and the last id."""
        parser, is_answered, last_id = sse.Parser(_MAX_EVENT), False, ""
        if reply.stream is None:
            return is_answered, last_id
        async with aclosing(reply.stream) as chunks:
            async for chunk in chunks:
                for event in parser.feed(chunk):
                    last_id = event.id.decode() if event.id is not None else last_id
                    if event.data:
                        is_answered = is_answered or _answers(message, event.data)
                        self._note_version(message, event.data)
                        await self._write(event.data)
        return is_answered, last_id

    def _note_version(self, message: Message | None, data: bytes) -> None:
        if message is None or message.method != "initialize" or not _answers(message, data):
            return
        result = jsonrpc.parse(data).body.get("result", {})
        version = result.get("protocolVersion")
        self._version = version if isinstance(version, str) else ""

    def _listen(self) -> None:
        """Open the session's stream of what the backend says by itself, if it has one."""
        if self._session and self._listener is None:
            self._listener = asyncio.ensure_future(self._heard())

    async def _heard(self) -> None:
        reply = await self._handle("GET", [*self._always, *self._of_session()])
        if reply.stream is not None:
            await self._events(None, reply)

    async def _close(self) -> None:
        tasks = [*self._calls.values(), *([self._listener] if self._listener else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._handle("DELETE", [*self._always, *self._of_session()])


def _answers(message: Message | None, data: bytes) -> bool:
    if message is None:
        return False
    said = jsonrpc.parse(data)
    return said.kind == "response" and said.id == message.id


def _rate_limited(message: Message | None, reply: Reply) -> bytes:
    """A 429 as an error that has all of it: status, headers and body, none of them altered."""
    headers = {name: value for name, value in reply.headers if name != "content-type"}
    data = {
        "status": reply.status,
        "headers": headers,
        "body": reply.body.decode("utf-8", "replace"),
    }
    text = "Gladly's rate limit is reached. Wait as long as the headers say, then call again."
    return jsonrpc.error(message.id if message else None, RATE_LIMITED, text, data)
