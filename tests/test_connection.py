"""A connection's head is bounded in size and in time, before anybody is asked who they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sidecar import connection, serving
from sidecar.settings import Listen

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

GOOD = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One connection to a real listener on a free port."""
    listener = serving.listener("listen", app, Listen.model_construct(host="127.0.0.1", port=0), 1)
    task = asyncio.create_task(listener.serve())
    async with asyncio.timeout(10):
        while not listener.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = listener.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            listener.should_exit = True
            await task


async def test_good_heads_on_one_connection_are_answered_one_after_another():
    async with listening() as (reader, writer):
        for _ in range(3):
            writer.write(GOOD)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")


async def test_a_head_that_does_not_end_is_refused_when_it_is_too_large():
    async with listening() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n")
        writer.write((b"x-filler: " + b"a" * 4000 + b"\r\n") * 17)
        answer = await reader.read(1000)
        assert answer.startswith(b"HTTP/1.1 431")
        assert await reader.read() == b""


@pytest.mark.parametrize("start", [b"", b"GET / HT", GOOD[:-2], GOOD + b"GET /"])
async def test_a_head_that_comes_too_slowly_is_not_waited_for(monkeypatch, start):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    async with listening() as (reader, writer):
        writer.write(start)
        began = time.monotonic()
        await reader.read(-1)
        assert time.monotonic() - began < 5
