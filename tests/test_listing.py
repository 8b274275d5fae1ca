"""How the backend's list of tools is read: in both eras, every page, and never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import orjson
import pytest
from flow import JSON, SSE, event, stream, tool_list

from sidecar.errors import BackendFailed, BackendTimedOut
from sidecar.model import JsonObject, Reply
from sidecar.pipeline import listing, read
from sidecar.pipeline.listing import MAX_BYTES, MAX_PAGES

pytestmark = pytest.mark.anyio

READ = "list_all_gladly_tasks"
Answer = Callable[[JsonObject], Reply]


class Backend:
    """A scripted backend that keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str], Any]] = []

    async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
        asked = orjson.loads(body) if body else None
        self.asked.append((verb, headers, asked))
        return self.answer(asked) if asked else Reply(204)


def only_modern(asked: JsonObject) -> Reply:
    assert "_meta" in asked["params"]
    return tool_list(READ, "b")


def only_legacy(asked: JsonObject) -> Reply:
    if asked["method"] == "initialize":
        body = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}
        return Reply(200, (*JSON, ("mcp-session-id", "s")), orjson.dumps(body))
    if asked["method"] == "notifications/initialized":
        return Reply(202)
    if "_meta" in asked["params"]:
        body = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "no session"}}
        return Reply(400, JSON, orjson.dumps(body))
    return stream(b": hi\n\n", event(orjson.loads(tool_list(READ, "b").body)))


async def listed(backend: Backend, patience: float = 60.0) -> list[JsonObject]:
    return await read(backend, patience)


async def test_a_backend_of_the_stateless_era_is_asked_once():
    backend = Backend(only_modern)
    assert [entry["name"] for entry in await listed(backend)] == [READ, "b"]
    ((verb, headers, _),) = backend.asked
    assert (verb, headers["mcp-method"]) == ("POST", "tools/list")


async def test_a_backend_of_the_handshake_era_is_asked_in_a_session_that_is_ended():
    backend = Backend(only_legacy)
    assert [entry["name"] for entry in await listed(backend)] == [READ, "b"]
    verb, headers, _ = backend.asked[-1]
    assert (verb, headers["mcp-session-id"]) == ("DELETE", "s")
    assert headers["mcp-protocol-version"] == "2025-06-18"


async def test_every_page_is_read():
    def paged(asked: JsonObject) -> Reply:
        cursor = int(asked["params"].get("cursor", "0"))
        result = {"tools": [{"name": f"t{cursor}"}]} | (
            {"nextCursor": str(cursor + 1)} if cursor < 4 else {}
        )
        return Reply(200, JSON, orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": result}))

    assert [e["name"] for e in await listed(Backend(paged))] == ["t0", "t1", "t2", "t3", "t4"]


async def test_a_list_without_end_is_refused():
    def endless(asked: JsonObject) -> Reply:
        if asked["method"] != "tools/list":
            return Reply(500)
        result = {"tools": [], "nextCursor": "again"}
        return Reply(200, JSON, orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": result}))

    backend = Backend(endless)
    with pytest.raises(BackendFailed):
        await listed(backend)
    assert len(backend.asked) == MAX_PAGES + 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, JSON, b"not JSON"),
        Reply(200, JSON, b'{"jsonrpc":"2.0","id":2,"result":{"tools":[]}}'),
        Reply(200, JSON, b'{"jsonrpc":"2.0","id":1,"result":{}}'),
        Reply(200, JSON, b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{}]}}'),
        Reply(429, (("retry-after", "1"),), b"{}"),
    ],
)
async def test_what_is_no_list_is_refused(reply):
    with pytest.raises(BackendFailed):
        await listed(Backend(lambda _: reply))


def dripping(closed: list[str]) -> Reply:
    """A stream that never ends, and never falls silent either."""

    async def comments() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b": x\n\n"
                await asyncio.sleep(0)
        finally:
            closed.append("closed")

    return Reply(200, SSE, stream=comments())


async def test_a_stream_that_drips_without_end_is_too_slow_and_is_closed():
    closed: list[str] = []
    async with asyncio.timeout(5):
        with pytest.raises(BackendTimedOut, match=r"no whole list of tools in 0\.05 seconds"):
            await listed(Backend(lambda _: dripping(closed)), 0.05)
    assert closed == ["closed"]


async def test_pages_that_drip_without_end_are_too_slow_together(monkeypatch):
    monkeypatch.setattr(listing, "MAX_PAGES", 1 << 30)

    class Slow(Backend):
        async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
            await asyncio.sleep(0)
            return await super().forward(verb, headers, body)

    page = {"jsonrpc": "2.0", "id": 1, "result": {"tools": [], "nextCursor": "again"}}
    async with asyncio.timeout(5):
        with pytest.raises(BackendTimedOut):
            await listed(Slow(lambda _: Reply(200, JSON, orjson.dumps(page))), 0.05)


async def test_a_stream_that_is_too_large_is_refused():
    comments = [b":" + b"x" * (1 << 20) + b"\n\n"] * (MAX_BYTES // (1 << 20) + 1)
    answer = event(orjson.loads(tool_list(READ).body))
    with pytest.raises(BackendFailed, match="bytes"):
        await listed(Backend(lambda _: stream(*comments, answer)))


async def test_pages_that_are_too_large_together_are_refused(monkeypatch):
    monkeypatch.setattr(listing, "MAX_BYTES", 1000)

    def paged(asked: JsonObject) -> Reply:
        result = {"tools": [{"name": "a" * 300}], "nextCursor": "again"}
        return Reply(200, JSON, orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": result}))

    backend = Backend(paged)
    with pytest.raises(BackendFailed):
        await listed(backend)
    assert len(backend.asked) < MAX_PAGES


async def test_a_stream_that_holds_no_message_is_the_backends_failure():
    with pytest.raises(BackendFailed):
        await listed(Backend(lambda _: stream(b"data: {nope\n\n")))


async def test_a_list_counts_whose_session_cannot_be_ended():
    class Staying(Backend):
        async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
            if verb == "DELETE":
                raise BackendFailed("never")
            return await super().forward(verb, headers, body)

    assert [entry["name"] for entry in await listed(Staying(only_legacy))] == [READ, "b"]


def shaking(version: Any = "2025-11-25", session: str = "s") -> Answer:
    """A backend of the handshake era that says this in its handshake."""

    def answer(asked: JsonObject) -> Reply:
        if asked["method"] != "initialize":
            return only_legacy(asked)
        body = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": version}}
        return Reply(200, (*JSON, ("mcp-session-id", session)), orjson.dumps(body))

    return answer


UNFIT = ["a\nb", "2025\r\nX-Evil: 1", "a\0", "é", "a b", "x" * 1025]


@pytest.mark.parametrize("text", UNFIT)
@pytest.mark.parametrize("where", ["version", "session"])
async def test_what_a_handshake_says_goes_into_no_header_unless_it_fits_one(where, text):
    backend = Backend(shaking(**{where: text}))
    with pytest.raises(BackendFailed, match="no header can hold"):
        await listed(backend)
    assert not [headers for _, headers, _ in backend.asked if text in headers.values()]
