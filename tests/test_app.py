"""The raw ASGI endpoint: bodies that are too large, too slow or cut; streams; callers who leave.

Over 300 lines: one scope, receive and send, played in every way that a server may.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from flow import SSE, Flow, ask, call, event, flow, modern, result, stream, token, tool_result
from settings_parts import GOOD, written

from sidecar import app, settings
from sidecar.endpoint import Endpoint
from sidecar.errors import ConfigError
from sidecar.identity import DenyList
from sidecar.model import Head, Reply

pytestmark = pytest.mark.anyio

READ = "list_all_gladly_tasks"
LIMIT = 2000


@dataclass
class Caller:
    """One HTTP request as a server hands it to ASGI, and what was sent back."""

    scope: dict[str, Any]
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    sent: list[dict[str, Any]] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def sends(self, body: bytes, *, more: bool = False) -> Caller:
        self.events.put_nowait({"type": "http.request", "body": body, "more_body": more})
        return self

    def leaves(self) -> Caller:
        self.events.put_nowait({"type": "http.disconnect"})
        return self

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        self.started.set()

    async def run(self, endpoint: Endpoint) -> None:
        async with asyncio.timeout(5):
            await endpoint(self.scope, self.events.get, self.send)  # type: ignore[arg-type]  # ASGI

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


def caller(f: Flow, verb: str = "POST", **headers: str) -> Caller:
    """A caller with a good token, whose body is still to come."""
    named = {"host": "localhost", "authorization": f"Bearer {token()}"} | headers
    if verb == "POST":
        named["content-type"] = "application/json"
    scope = {
        "type": "http",
        "method": verb,
        "raw_path": f"/mcp/{f.tokens['all']}".encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": ("10.1.2.3", 5),
    }
    return Caller(scope)


def modern_caller(f: Flow) -> Caller:
    """A caller of the stateless era who has sent a call."""
    body, headers = modern(call(READ, customer_id="x"))
    return caller(f, **headers).sends(orjson.dumps(body))


@asynccontextmanager
async def served(
    folder: Path, *, seconds: float = 5.0, streams: int = 9
) -> AsyncIterator[tuple[Flow, Endpoint]]:
    async with flow(folder, streams=streams) as f:
        yield f, Endpoint(f.road, LIMIT, seconds)


async def test_a_body_in_pieces_is_put_together(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        f.backend.reply = tool_result([])
        raw = orjson.dumps(call(READ, customer_id="x"))
        c = caller(f)
        for byte in raw[:-1]:
            c.sends(bytes([byte]), more=True)
        await c.sends(raw[-1:]).run(endpoint)
        assert c.status == 200
        assert c.headers[b"content-length"] == b"%d" % len(c.body)
        assert f.outcome["outcome"]["bytes_in"] > 0
        assert f.events("intent")[0]["src"] == {"ip": "10.1.2.3"}


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused_before_it_is_held(tmp_path, announced):
    async with served(tmp_path) as (f, endpoint):
        length = {"content-length": str(1 << 21)} if announced else {}
        c = caller(f, **length)
        for _ in range(100):
            c.sends(b" " * 100, more=True)
        await c.run(endpoint)
        assert c.status == 413
        assert orjson.loads(c.body)["error"]["code"] == -32600
        assert c.events.qsize() >= 79, "what comes after the limit is not read"
        assert f.outcome["decision"]["reason"] == "too_large"
        assert f.backend.sent == []


async def test_a_body_of_exactly_the_limit_comes_in(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        f.backend.reply = result({})
        raw = orjson.dumps(ask("ping"))
        c = caller(f).sends(raw + b" " * (LIMIT - len(raw)))
        await c.run(endpoint)
        assert c.status == 200


async def test_a_slow_body_is_refused(tmp_path):
    async with served(tmp_path, seconds=0.02) as (f, endpoint):
        c = caller(f).sends(b"{", more=True)
        await c.run(endpoint)
        assert c.status == 408
        assert f.outcome["decision"]["reason"] == "body_timeout"


async def test_a_body_that_is_cut_is_refused_and_counted(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        c = caller(f).sends(b"{", more=True).leaves()
        await c.run(endpoint)
        assert c.status == 408
        assert f.outcome["decision"]["reason"] == "body_cut"


async def test_the_body_of_a_stranger_is_not_read(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        c = caller(f, authorization="Bearer nonsense").sends(b"{")
        await c.run(endpoint)
        assert c.status == 401
        assert c.events.qsize() == 1


async def test_a_query_string_is_part_of_the_path(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        c = caller(f).sends(b"{}")
        c.scope["query_string"] = b"token=x"
        await c.run(endpoint)
        assert c.status == 404


async def test_blanks_around_a_header_value_are_no_part_of_it(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        f.backend.reply = tool_result([])
        body, headers = modern(call(READ, customer_id="x"))
        c = caller(f, **{name: f"\t {value} " for name, value in headers.items()})
        await c.sends(orjson.dumps(body)).run(endpoint)
        assert c.status == 200


async def test_an_accepted_notification_has_no_body_and_no_length(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        body = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        c = caller(f).sends(orjson.dumps(body))
        await c.run(endpoint)
        assert (c.status, c.body, c.headers) == (202, b"", {})


async def test_a_stream_is_sent_event_by_event_and_told_not_to_be_held_back(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
        final = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
        f.backend.reply = stream(event(progress), event(final))
        c = caller(f).sends(orjson.dumps(call(READ, customer_id="x")))
        await c.run(endpoint)
        assert c.headers[b"x-accel-buffering"] == b"no"
        assert b"no-transform" in c.headers[b"cache-control"]
        assert b"content-length" not in c.headers
        events = [message["body"] for message in c.sent[1:] if message["body"]]
        assert len(events) == 2
        assert c.sent[-1] == {"type": "http.response.body", "body": b""}


async def endless(closed: asyncio.Event) -> Reply:
    """A stream that never ends, begun as the upstream client does; the event tells its end."""

    async def generate() -> AsyncGenerator[bytes, None]:
        try:
            yield b""
            yield b": hello\n\n"
            await asyncio.Event().wait()
        finally:
            closed.set()

    made = generate()
    await anext(made)
    return Reply(200, SSE, stream=made)


def listening(f: Flow, era: str) -> Caller:
    """Somebody who only listens."""
    if era == "legacy":
        return caller(f, "GET")
    body, headers = modern(ask("subscriptions/listen", notifications={}))
    return caller(f, **headers).sends(orjson.dumps(body))


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_listeners_beyond_the_limit_are_refused_and_the_backend_is_not_asked(tmp_path, era):
    async with served(tmp_path, streams=1) as (f, endpoint):
        first = asyncio.Event()
        f.backend.reply = await endless(first)
        listener = listening(f, era)
        task = asyncio.create_task(listener.run(endpoint))
        await listener.started.wait()
        f.backend.sent.clear()
        too_many = listening(f, era)
        await too_many.run(endpoint)
        assert too_many.status == 503
        assert too_many.headers[b"retry-after"] == b"5"
        assert orjson.loads(too_many.body)["error"]["code"] == -32603
        assert f.backend.sent == []
        assert f.outcome["decision"]["reason"] == "too_many_streams"
        assert f.outcome["actor"]["subject"] == "agent-1"
        await left(task)
        assert first.is_set()
        await runs_and_leaves(f, endpoint)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"raw_path": b"/mcp/unknown"}, 404),
        ({"raw_path": b"/nowhere"}, 404),
        ({"headers": [(b"host", b"evil.example")]}, 403),
        ({"headers": [(b"host", b"localhost")]}, 401),
    ],
)
async def test_a_stranger_learns_nothing_of_a_full_sidecar(tmp_path, changes, status):
    async with served(tmp_path, streams=0) as (f, endpoint):
        stranger = caller(f, "GET")
        stranger.scope.update(changes)
        await stranger.run(endpoint)
        assert stranger.status == status
        assert len(f.events()) == 1


async def test_a_full_sidecar_still_answers_calls_and_ends_sessions(tmp_path):
    async with served(tmp_path, streams=0) as (f, endpoint):
        final = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
        f.backend.reply = stream(event(final))
        c = modern_caller(f)
        await c.run(endpoint)
        assert c.status == 200
        f.backend.reply = Reply(200)
        ends = caller(f, "DELETE")
        await ends.run(endpoint)
        assert ends.status == 200


async def test_listeners_on_their_way_have_their_places_already_and_give_them_back(tmp_path):
    async with served(tmp_path, streams=1) as (f, endpoint):
        reached, release = asyncio.Event(), asyncio.Event()

        async def refuses(*_: object) -> Reply:
            reached.set()
            await release.wait()
            return Reply(405)

        f.backend.reply = refuses
        first, second = caller(f, "GET"), caller(f, "GET")
        task = asyncio.create_task(first.run(endpoint))
        await reached.wait()
        await second.run(endpoint)
        release.set()
        await soon(task)
        assert (first.status, second.status) == (405, 503)
        await runs_and_leaves(f, endpoint)


async def soon(task: asyncio.Task[None]) -> None:
    """The end of a task; it must come without being cancelled from here."""
    done, _ = await asyncio.wait({task}, timeout=2)
    assert done
    await task


async def left(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def runs_and_leaves(f: Flow, endpoint: Endpoint) -> None:
    """The place of a stream that ended is free for the next."""
    f.backend.reply = await endless(asyncio.Event())
    listener = caller(f, "GET")
    task = asyncio.create_task(listener.run(endpoint))
    await listener.started.wait()
    assert listener.status == 200
    await left(task)


async def test_a_caller_who_leaves_ends_the_call_at_the_backend(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        reached, ended = asyncio.Event(), asyncio.Event()

        async def hang(*_: object) -> Reply:
            reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError

        f.backend.reply = hang
        c = modern_caller(f)
        task = asyncio.create_task(c.run(endpoint))
        await reached.wait()
        c.leaves()
        await soon(task)
        assert ended.is_set()
        assert c.sent == []
        assert f.outcome["outcome"]["status"] == "cancelled"


async def test_a_call_of_the_handshake_era_runs_on_when_its_caller_leaves(tmp_path):
    """(spec) Its client may come back for the result; only the stateless era says cancel."""
    async with served(tmp_path) as (f, endpoint):
        reached, release = asyncio.Event(), asyncio.Event()

        async def slow(*_: object) -> Reply:
            reached.set()
            await release.wait()
            return tool_result({"result": []})

        f.backend.reply = slow
        c = caller(f).sends(orjson.dumps(call(READ, customer_id="x")))
        task = asyncio.create_task(c.run(endpoint))
        await reached.wait()
        c.leaves()
        release.set()
        await soon(task)
        assert f.outcome["outcome"]["status"] == "ok"


async def test_a_stream_is_cut_when_the_callers_token_expires(tmp_path, monkeypatch):
    async with served(tmp_path) as (f, endpoint):
        closed = asyncio.Event()
        f.backend.reply = await endless(closed)
        verify = f.road._organs.identity.verify

        async def verified(head: Head) -> Any:
            return replace(await verify(head), expires_at=time.time() + 0.05)

        monkeypatch.setattr(f.road._organs.identity, "verify", verified)
        c = caller(f, "GET")
        await soon(asyncio.create_task(c.run(endpoint)))
        assert closed.is_set()
        assert c.sent[-1] == {"type": "http.response.body", "body": b""}


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_a_stream_is_cut_within_seconds_once_its_endpoint_is_revoked(
    tmp_path, monkeypatch, verb
):
    monkeypatch.setattr("sidecar.endpoint._LOOK_SECONDS", 0.05)
    async with served(tmp_path) as (f, endpoint):
        closed = asyncio.Event()
        f.backend.reply = await endless(closed)
        c = caller(f, "GET") if verb == "GET" else modern_caller(f)
        task = asyncio.create_task(c.run(endpoint))
        await asyncio.wait_for(c.started.wait(), 5)
        f.denied = DenyList(endpoint=frozenset(f.tokens))
        await soon(task)
        assert closed.is_set()
        assert c.sent[-1] == {"type": "http.response.body", "body": b""}
        endpoint.drain()


async def test_a_look_at_open_streams_that_fails_is_followed_by_another(tmp_path, monkeypatch):
    async with served(tmp_path) as (f, endpoint):
        f.backend.reply = await endless(asyncio.Event())
        looks = []

        def welcome(_: object) -> bool:
            looks.append(1)
            if len(looks) == 2:
                raise ZeroDivisionError
            return len(looks) < 3

        monkeypatch.setattr("sidecar.endpoint._LOOK_SECONDS", 0.01)
        monkeypatch.setattr(f.road._organs.identity, "is_welcome", welcome)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await soon(asyncio.create_task(caller(f, "GET").run(endpoint)))
        assert len(looks) >= 3


async def test_a_drain_ends_the_streams_that_only_listen(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        closed = asyncio.Event()
        f.backend.reply = await endless(closed)
        c = caller(f, "GET")
        task = asyncio.create_task(c.run(endpoint))
        await c.started.wait()
        endpoint.drain()
        await soon(task)
        assert closed.is_set()
        assert f.outcome["outcome"]["status"] == "stream_ended"


async def test_a_caller_who_leaves_a_stream_ends_it_at_the_backend(tmp_path):
    async with served(tmp_path) as (f, endpoint):
        closed = asyncio.Event()
        f.backend.reply = await endless(closed)
        c = modern_caller(f)
        task = asyncio.create_task(c.run(endpoint))
        await c.started.wait()
        c.leaves()
        await soon(task)
        assert closed.is_set()
        assert f.outcome["outcome"]["status"] == "cancelled"


def test_the_check_reads_what_a_start_would_and_tells_all_of_it(tmp_path):
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "data.yaml").write_text("site: {config: {default_methods: [read]}}\n")
    (tmp_path / "tools").mkdir()
    more = "policy: {site_folder: FOLDER/site}\ncatalog: {folders: [FOLDER/tools]}\n"
    loaded = settings.load(written(tmp_path, GOOD + more))
    assert len(app.check(loaded).catalog) > 10
    (tmp_path / "site" / "rule.rego").write_text("package")
    (tmp_path / "tools" / "mine.yaml").write_text("tools: 1")
    with pytest.raises(ConfigError) as caught:
        app.check(loaded)
    wheres = " ".join(problem.where for problem in caught.value.problems)
    assert "rule.rego" in wheres
    assert "mine.yaml" in wheres
