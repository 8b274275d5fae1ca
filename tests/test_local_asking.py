"""The doctor asks whoever is there, and waits for none of them for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx2
import orjson
import pytest

from sidecar.local import asking, doctor, visit
from sidecar.local.asking import ask

pytestmark = pytest.mark.anyio
Answer = Callable[[httpx2.Request], httpx2.Response]
AsyncClient = httpx2.AsyncClient


@pytest.fixture
def answered_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    """Let every client of the doctor get its answers from this function."""

    def by(answer: Answer) -> None:
        def client(**options: object) -> httpx2.AsyncClient:
            return AsyncClient(transport=httpx2.MockTransport(answer))

        for module in (doctor, visit):
            monkeypatch.setattr(module.httpx2, "AsyncClient", client)

    return by


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def dripping() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0)


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65_536


async def test_an_answer_that_drips_is_too_slow(monkeypatch):
    monkeypatch.setattr(asking, "SECONDS", 0.05)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=dripping()))
    async with asyncio.timeout(5), AsyncClient(transport=transport) as http:
        with pytest.raises(httpx2.ReadTimeout):
            await ask(http, "GET", "http://a.example")


async def test_an_answer_without_end_is_too_large():
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=endless()))
    async with asyncio.timeout(30), AsyncClient(transport=transport) as http:
        with pytest.raises(httpx2.ReadError):
            await ask(http, "GET", "http://a.example")


@pytest.mark.parametrize("content", [dripping, endless])
async def test_a_visit_to_whoever_never_ends_is_a_problem(answered_by, monkeypatch, content):
    monkeypatch.setattr(asking, "SECONDS", 0.05)
    answered_by(lambda _: httpx2.Response(200, content=content()))
    async with asyncio.timeout(30):
        found = await visit.visit("http://a.example/mcp", "")
    assert (found.level, found.what[:29]) == ("problem", "a.example cannot be reached (")


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"result":{"tools":5}}', b'{"result":[]}', b"\xff", b""]
)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_a_visit_to_whoever_makes_no_sense_is_a_problem(answered_by, body, kind):
    content = body if kind == "application/json" else b"data: " + body
    headers = {"content-type": kind}
    answered_by(lambda _: httpx2.Response(200, content=once(content), headers=headers))
    found = await visit.visit("http://a.example/mcp", "")
    assert (found.level, found.what) == ("problem", "a.example does not list tools (HTTP 200)")


async def test_a_visit_to_whoever_gives_a_session_that_no_header_holds_is_a_problem(answered_by):
    def answer(request: httpx2.Request) -> httpx2.Response:
        if orjson.loads(request.content)["method"] != "initialize":
            return httpx2.Response(400, content=once(b""))
        return httpx2.Response(200, content=once(b""), headers=[(b"mcp-session-id", b"\xc3\xa9")])

    answered_by(answer)
    assert (await visit.visit("http://a.example/mcp", "")).level == "problem"
