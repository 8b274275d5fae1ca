"""The backend's whole list of tools, as the sidecar itself is given it.

It asks with the sidecar's own credential, in the stateless era first and with a handshake if that
is not understood, and reads every page: within one time and one size for all of it, since a backend
that sends a byte now and then would hold whoever waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from sidecar import edge, jsonrpc, sse, upstream
from sidecar.errors import BackendFailed, BackendTimedOut, Refusal
from sidecar.model import Head, JsonObject, Message, Reply
from sidecar.pipeline.backend import Backend

MAX_PAGES: Final = 100
"""Pages of one list; a backend that never ends is refused."""

MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of all pages of one list; and of one stream, comments and all."""

_MAX_EVENT: Final = 16 * 1024 * 1024
_GOODBYE: Final = 5.0
"""Seconds that the end of a session may take."""

_HEADER: Final = re.compile(r"[\x21-\x7e]{1,1024}")
"""What a backend's version and session id are made of, which go back to it in headers (MCP,
"Session Management"): visible ASCII, here with an end."""

_LEGACY: Final = "2025-11-25"
_CLIENT: Final = {"name": "gladly-mcp-sidecar", "version": "1"}


async def read(backend: Backend, patience: float) -> list[JsonObject]:
    """Read the backend's whole list of tools, within so many seconds.

    Raises:
        BackendFailed: neither era gets a list out of it, or one that is too large.
        BackendTimedOut: it is too slow.
    """
    try:
        async with asyncio.timeout(patience):
            return await _read(backend)
    except TimeoutError:
        raise BackendTimedOut(f"no whole list of tools in {patience:g} seconds") from None


async def _read(backend: Backend) -> list[JsonObject]:
    try:
        return await _pages(backend, _modern, [])
    except BackendFailed:
        session = await _handshake(backend)
    try:
        return await _pages(backend, _legacy, session)
    finally:
        if session:
            await _end(backend, session)


Headers = list[tuple[str, str]]
Ask = Callable[[str, JsonObject, Headers], tuple[Message, Headers]]


async def _pages(backend: Backend, ask: Ask, session: Headers) -> list[JsonObject]:
    entries: list[JsonObject] = []
    params: JsonObject = {}
    size = 0
    for _ in range(MAX_PAGES):
        message, headers = ask("tools/list", params, session)
        reply = await _send(backend, message, headers)
        raw = await _raw(reply, message)
        size += len(raw)
        if size > MAX_BYTES:
            raise BackendFailed(f"a list of more than {MAX_BYTES} bytes", reason="reply_too_large")
        result = _result(raw, message, reply.status)
        page = result.get("tools")
        if not isinstance(page, list) or not all(map(_is_tool, page)):
            raise BackendFailed("no list of tools", reason="backend_malformed")
        entries += page
        cursor = result.get("nextCursor")
        if not isinstance(cursor, str):
            return entries
        params = {"cursor": cursor}
    raise BackendFailed(f"a list of more than {MAX_PAGES} pages", reason="backend_malformed")


def _is_tool(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _modern(method: str, params: JsonObject, _: Headers) -> tuple[Message, Headers]:
    meta = {
        edge.META_VERSION: edge.MODERN,
        "io.modelcontextprotocol/clientInfo": _CLIENT,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = _request(method, {**params, "_meta": meta})
    return message, edge.mirrored(message)


def _legacy(method: str, params: JsonObject, session: Headers) -> tuple[Message, Headers]:
    return _request(method, params), session


def _request(method: str, params: JsonObject) -> Message:
    return jsonrpc.message({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


async def _handshake(backend: Backend) -> Headers:
    params = {"protocolVersion": _LEGACY, "capabilities": {}, "clientInfo": _CLIENT}
    hello = _request("initialize", params)
    reply = await _send(backend, hello, [])
    result = _result(await _raw(reply, hello), hello, reply.status)
    version = result.get("protocolVersion")
    said = [("mcp-protocol-version", version)] if isinstance(version, str) else []
    if reply.get("mcp-session-id"):
        said.append(("mcp-session-id", reply.get("mcp-session-id")))
    session = [pair for pair in said if _HEADER.fullmatch(pair[1])]
    if session != said:
        raise BackendFailed("a handshake that no header can hold", reason="backend_malformed")
    ready = jsonrpc.message({"jsonrpc": "2.0", "method": "notifications/initialized"})
    await _drop(await _send(backend, ready, session))
    return session


async def _end(backend: Backend, session: Headers) -> None:
    # The list counts, whether or not its session could be ended.
    with contextlib.suppress(Refusal, TimeoutError):
        async with asyncio.timeout(_GOODBYE):
            await _drop(await backend.forward("DELETE", _headers("DELETE", session), None))


async def _drop(reply: Reply) -> None:
    """Give back a stream that nobody will read."""
    if reply.stream is not None:
        await reply.stream.aclose()


async def _send(backend: Backend, message: Message, headers: Headers) -> Reply:
    return await backend.forward("POST", _headers("POST", headers), message.canonical)


def _headers(verb: str, more: Headers) -> dict[str, str]:
    return upstream.outgoing(Head(verb, "", ()), more)


async def _raw(reply: Reply, asked: Message) -> bytes:
    """The answer in a reply, whole or at the end of a stream."""
    return reply.body if reply.stream is None else await _final(reply.stream, asked)


async def _final(stream: AsyncGenerator[bytes, None], asked: Message) -> bytes:
    parser, size = sse.Parser(_MAX_EVENT), 0
    async with contextlib.aclosing(stream) as chunks:
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                what = f"a stream of more than {MAX_BYTES} bytes"
                raise BackendFailed(what, reason="reply_too_large")
            for event in parser.feed(chunk):
                if event.data and _parsed(event.data).id == asked.id:
                    return event.data
    raise BackendFailed("the stream ended without a list", reason="stream_cut")


def _result(raw: bytes, asked: Message, status: int) -> JsonObject:
    answer = _parsed(raw, f"no answer, HTTP {status}")
    result = answer.body.get("result")
    if answer.id != asked.id or not isinstance(result, dict):
        raise BackendFailed("the backend refuses its list", reason="backend_refused")
    return result


def _parsed(raw: bytes, otherwise: str = "no message") -> Message:
    try:
        return jsonrpc.parse(raw)
    except Refusal:
        raise BackendFailed(otherwise, reason="backend_malformed") from None
