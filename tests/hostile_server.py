"""A backend on a raw socket that speaks MCP well, until it is asked for one of the hostile cases.

The case is named in the request: as the cursor of a list, as the argument of a call, as the id of
the last event of a resumed stream. Everything else is answered as a friendly server would, of
either era, so that any client gets as far as the case.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import orjson
from hostile_replies import HIDDEN, ID, RECORD, SHOWN, Case, Http, listing, response, said, text_of

from sidecar.edge import MODERN

ARGUMENT: Final = "externalCustomerId"
"""The argument of a call that names its case."""

_CAPABILITIES: Final = {"tools": {"listChanged": True}, "logging": {}}
_INFO: Final = {"name": "hostile", "version": "1"}
_DISCOVERED: Final = {
    "resultType": "complete",
    "supportedVersions": [MODERN],
    "capabilities": _CAPABILITIES,
    "serverInfo": _INFO,
    "ttlMs": 0,
    "cacheScope": "private",
}
_LIST: Final = listing(SHOWN, HIDDEN)
_RESULT: Final = said(text_of(RECORD), structuredContent=RECORD)
_ACCEPTED: Final = Http(type=None, status=b"202 Accepted")
_LISTENER: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n: hello\n\n"
)
_PATIENCE: Final = 2.0
"""Seconds to wait for a listener before something is said aside."""


@dataclass(frozen=True)
class _Request:
    verb: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def id(self) -> bytes:
        return orjson.dumps(self.body.get("id"))

    @property
    def session(self) -> str:
        return self.headers.get("mcp-session-id", "")

    @property
    def case(self) -> str:
        """The name of the case that is asked for, if any."""
        params = self.body.get("params") or {}
        arguments = params.get("arguments") or {}
        named = arguments.get(ARGUMENT) or params.get("cursor")
        return str(named or self.headers.get("last-event-id"))

    async def answer(self, reply: Http, request_id: bytes, *, is_last: bool = True) -> None:
        """Send a reply piece by piece, and nothing more if it stalls."""
        for piece in reply.written(request_id, is_last=is_last):
            self.writer.write(piece)
            await self.writer.drain()
        if reply.stalls:
            await self.reader.read()


class Backend:
    """The server. A client that listens gets what a case says aside."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._cases = {case.name: case for case in cases}
        self._sessions = count()
        self._ids: dict[str, bytes] = {}
        self._listeners: dict[str, asyncio.Future[asyncio.StreamWriter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve on a free port until the block ends; gives the URL."""

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        finally:
            server.close()
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._serve(await _request(reader, writer)):
                pass
        writer.close()

    async def _serve(self, request: _Request) -> bool:
        """Answer one request; whether the connection stays open for another."""
        case = self._cases.get(request.case)
        if request.verb == "GET" and (case is None or case.then is None):
            await self._listen(request)
        elif request.verb == "GET" and case is not None and case.then is not None:
            await request.answer(case.then, self._ids[case.name])
        elif case is not None:
            self._ids[case.name] = request.id
            if case.aside and request.session:
                await self._say(request, case.aside)
            is_last = case.reply.framing != "raw"
            await request.answer(case.reply, request.id, is_last=is_last)
            return not is_last
        else:
            await request.answer(self._friendly(request), request.id, is_last=False)
            return True
        return False

    def _friendly(self, request: _Request) -> Http:
        method = request.body.get("method")
        if request.path == "/elsewhere" or method == "tools/list":
            return Http(_LIST)
        if method == "initialize":
            session = f"mcp-session-id: session-{next(self._sessions)}".encode()
            version = request.body["params"]["protocolVersion"]
            hello = {"protocolVersion": version, "capabilities": _CAPABILITIES, "serverInfo": _INFO}
            return Http(response(result=hello), headers=(session,))
        if method == "server/discover":
            return Http(response(result=_DISCOVERED))
        if method == "tools/call":
            return Http(_RESULT)
        return Http(response(result={})) if method is None and not request.body else _ACCEPTED

    def _listener(self, session: str) -> asyncio.Future[asyncio.StreamWriter]:
        made: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        return self._listeners.setdefault(session, made)

    async def _listen(self, request: _Request) -> None:
        request.writer.write(_LISTENER)
        await request.writer.drain()
        listener = self._listener(request.session)
        if not listener.done():
            listener.set_result(request.writer)
        await request.reader.read()

    async def _say(self, request: _Request, aside: bytes) -> None:
        waiting = asyncio.shield(self._listener(request.session))
        writer = await asyncio.wait_for(waiting, _PATIENCE)
        writer.write(aside.replace(ID, request.id))
        await writer.drain()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
    verb, path, _ = line.split(" ")
    pairs = (item.partition(":") for item in rest)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return _Request(verb, path, headers, orjson.loads(raw or b"{}"), reader, writer)
