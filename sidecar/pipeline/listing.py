"""The backend's whole list of tools, as the sidecar itself is given it.

It asks with the sidecar's own credential, in the stateless era first and with a handshake if that
is not understood, and reads every page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from sidecar import edge, jsonrpc, sse, upstream
from sidecar.errors import BackendFailed, Refusal
from sidecar.model import Head, JsonObject, Message, Reply
from sidecar.pipeline.backend import Backend

MAX_PAGES: Final = 100
"""Pages of one list; a backend that never ends is refused."""

_HEADER: Final = re.compile(r"[\x21-\x7e]{1,1024}")
"""What a backend's version and session id are made of, which go back to it in headers (MCP,
"Session Management"): visible ASCII, here with an end."""

_LEGACY: Final = "2025-11-25"
_CLIENT: Final = {"name": "gladly-mcp-sidecar", "version": "1"}


async def read(backend: Backend) -> list[JsonObject]:
    """Read the backend's whole list of tools.

    Raises:
        BackendFailed: neither era gets a list out of it.
        BackendTimedOut: it is too slow.
    """
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
    for _ in range(MAX_PAGES):
        message, headers = ask("tools/list", params, session)
        result = await _result(backend, message, headers)
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
    result = await _answer(reply, hello)
    version = result.get("protocolVersion")
    said = [("mcp-protocol-version", version)] if isinstance(version, str) else []
    if reply.get("mcp-session-id"):
        said.append(("mcp-session-id", reply.get("mcp-session-id")))
    session = [pair for pair in said if _HEADER.fullmatch(pair[1])]
    if session != said:
        raise BackendFailed("a handshake that no header can hold", reason="backend_malformed")
    ready = jsonrpc.message({"jsonrpc": "2.0", "method": "notifications/initialized"})
    await _send(backend, ready, session)
    return session


async def _end(backend: Backend, session: Headers) -> None:
    reply = await backend.forward("DELETE", _headers("DELETE", session), None)
    if reply.stream is not None:
        await reply.stream.aclose()


async def _result(backend: Backend, message: Message, headers: Headers) -> JsonObject:
    return await _answer(await _send(backend, message, headers), message)


async def _send(backend: Backend, message: Message, headers: Headers) -> Reply:
    return await backend.forward("POST", _headers("POST", headers), message.canonical)


def _headers(verb: str, more: Headers) -> dict[str, str]:
    return upstream.outgoing(Head(verb, "", ()), more)


async def _answer(reply: Reply, asked: Message) -> JsonObject:
    """The result in a reply, whole or at the end of a stream."""
    raw = reply.body if reply.stream is None else await _final(reply, asked)
    try:
        answer = jsonrpc.parse(raw)
    except Refusal:
        raise BackendFailed(f"no answer, HTTP {reply.status}", reason="backend_malformed") from None
    result = answer.body.get("result")
    if answer.id != asked.id or not isinstance(result, dict):
        raise BackendFailed("the backend refuses its list", reason="backend_refused")
    return result


async def _final(reply: Reply, asked: Message) -> bytes:
    parser = sse.Parser(1 << 22)
    if reply.stream is None:
        return reply.body
    try:
        async for chunk in reply.stream:
            for event in parser.feed(chunk):
                if event.data and jsonrpc.parse(event.data).id == asked.id:
                    return event.data
    finally:
        await reply.stream.aclose()
    raise BackendFailed("the stream ended without a list", reason="stream_cut")
