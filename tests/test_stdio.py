"""One client on standard input and output: lines in, the ten steps, lines out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from flow import Flow, ask, call, event, flow, modern, result, stream, token, tool_list, tool_result

from sidecar import edge
from sidecar.model import Reply
from sidecar.stdio.bridge import RATE_LIMITED, Bridge

pytestmark = pytest.mark.anyio

INBOXES = "list_all_gladly_inboxes"
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x"}}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
JSON = (("content-type", "application/json"),)


class Client:
    """The other end: puts lines in, and keeps every line that comes out."""

    def __init__(self) -> None:
        self.out: list[dict[str, Any]] = []
        self._in: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._came = asyncio.Event()

    async def write(self, line: bytes) -> None:
        assert b"\n" not in line
        self.out.append(orjson.loads(line))
        self._came.set()

    async def lines(self) -> AsyncIterator[bytes]:
        while (line := await self._in.get()) is not None:
            yield line

    def say(self, message: Any) -> None:
        self._in.put_nowait(message if isinstance(message, bytes) else orjson.dumps(message))

    def end(self) -> None:
        self._in.put_nowait(None)

    async def heard(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many lines came."""
        async with asyncio.timeout(5):
            while len(self.out) < count:
                self._came.clear()
                await self._came.wait()
        return self.out


@asynccontextmanager
async def talking(f: Flow, *, endpoint: str = "all", bearer: str = "") -> AsyncIterator[Client]:
    """A bridge at work; at the end the input ends, and everything is finished."""
    client = Client()
    path = f"/mcp/{f.tokens[endpoint]}"
    bridge = Bridge(f.road, path, "localhost", bearer or token(), client.write)
    task = asyncio.create_task(bridge.run(client.lines()))
    try:
        yield client
        client.end()
        async with asyncio.timeout(5):
            await task
    finally:
        task.cancel()


async def test_a_stateless_call_is_mirrored_in_headers_and_answered_on_one_line(tmp_path):
    async with flow(tmp_path) as f, talking(f) as client:
        f.backend.reply = tool_result({"result": []}, 7)
        client.say(modern(call(INBOXES, 7))[0])
        (answer,) = await client.heard(1)
        assert (answer["id"], answer["result"]["structuredContent"]) == (7, {"result": []})
        ((verb, headers, body),) = f.backend.sent
        assert (verb, headers["mcp-name"], body["id"]) == ("POST", INBOXES, 7)
        assert headers["mcp-protocol-version"] == "2026-07-28"


async def test_a_session_is_kept_listened_to_and_ended(tmp_path):
    async with flow(tmp_path) as f:
        listened = asyncio.Event()

        async def backend(verb: str, _headers: Any, body: Any) -> Reply:
            if verb == "GET":
                listened.set()
                note = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
                return stream(event(note))
            method = orjson.loads(body)["method"] if body else ""
            if method == "initialize":
                hello = result({**HELLO, "serverInfo": {"name": "b", "version": "1"}}, 1)
                return Reply(200, (*JSON, ("mcp-session-id", "s-1")), hello.body)
            return Reply(202) if method != "tools/list" else tool_list_as(2)

        f.backend.reply = backend
        async with talking(f) as client:
            client.say(ask("initialize", 1, **HELLO))
            client.say(READY)
            client.say(ask("tools/list", 2))
            answers = await client.heard(3)
        assert sorted(str(a.get("id")) for a in answers) == ["1", "2", "None"]
        assert {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"} in [
            {k: v for k, v in a.items() if k != "params"} for a in answers
        ]
        verbs = [verb for verb, _, _ in f.backend.sent]
        assert (verbs[0], verbs[-1], "GET" in verbs) == ("POST", "DELETE", True)
        for _, headers, _ in f.backend.sent[1:]:
            assert headers["mcp-session-id"] == "s-1"
            assert headers["mcp-protocol-version"] == "2025-11-25"


def tool_list_as(request_id: int) -> Reply:
    return Reply(200, JSON, tool_list(INBOXES).body.replace(b'"id":1', b'"id":%d' % request_id))


async def test_the_events_of_a_stream_become_lines_in_their_order(tmp_path):
    progress = {"progressToken": 1, "progress": 1, "message": "mail jane.roe@example.com"}
    told = {"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}
    async with flow(tmp_path) as f, talking(f) as client:
        answer = orjson.loads(tool_result({"result": []}).body)
        f.backend.reply = stream(b": hello\n\n", event(told), event(answer))
        client.say(modern(call(INBOXES))[0])
        first, last = await client.heard(2)
        assert first["params"]["message"] == "mail [EMAIL]"
        assert last["id"] == 1


async def test_a_stream_that_breaks_off_is_resumed_where_it_was(tmp_path):
    async with flow(tmp_path) as f:
        answer = event(orjson.loads(tool_result({"result": []}, 2).body))

        async def backend(verb: str, headers: Any, body: Any) -> Reply:
            if verb == "GET":
                return stream(answer) if headers.get("last-event-id") == "e-1" else Reply(405)
            method = orjson.loads(body)["method"] if body else ""
            if method == "initialize":
                hello = result({**HELLO, "serverInfo": {"name": "b", "version": "1"}}, 1)
                return Reply(200, (*JSON, ("mcp-session-id", "s-1")), hello.body)
            return stream(b"id: e-1\ndata:\n\n") if method == "tools/call" else Reply(202)

        f.backend.reply = backend
        async with talking(f) as client:
            client.say(ask("initialize", 1, **HELLO))
            client.say(call(INBOXES, 2))
            _, answered = await client.heard(2)
            assert answered["result"]["structuredContent"] == {"result": []}


async def test_a_429_becomes_an_error_that_has_all_of_it(tmp_path):
    headers = (*JSON, ("retry-after", "3"), ("ratelimit-remaining", "0"))
    async with flow(tmp_path) as f, talking(f) as client:
        f.backend.reply = Reply(429, headers, b'{"message": "slow"}')
        client.say(modern(call(INBOXES, "a"))[0])
        (answer,) = await client.heard(1)
        assert (answer["id"], answer["error"]["code"]) == ("a", RATE_LIMITED)
        assert answer["error"]["data"] == {
            "status": 429,
            "headers": {"retry-after": "3", "ratelimit-remaining": "0"},
            "body": '{"message": "slow"}',
        }
        assert f.outcome["outcome"]["status"] == "rate_limited"


async def test_what_is_no_message_is_refused_and_recorded(tmp_path):
    async with flow(tmp_path) as f, talking(f) as client:
        client.say(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')
        (answer,) = await client.heard(1)
        assert answer["error"]["code"] == -32600
        assert f.outcome["decision"]["reason"] == "duplicate_key"


async def test_a_version_that_no_header_can_hold_is_refused_and_recorded(tmp_path):
    async with flow(tmp_path) as f, talking(f) as client:
        body, _ = modern(call(INBOXES, 3))
        body["params"]["_meta"][edge.META_VERSION] += "\0"
        client.say(body)
        (answer,) = await client.heard(1)
        assert (answer["id"], answer["error"]["code"]) == (3, -32602)
        assert (f.outcome["decision"]["reason"], f.backend.sent) == ("bad_version", [])


async def test_a_request_is_answered_even_where_the_backend_has_no_words(tmp_path):
    async with flow(tmp_path) as f, talking(f) as client:
        f.backend.reply = Reply(404)
        client.say(modern(call(INBOXES, 3))[0])
        (answer,) = await client.heard(1)
        assert (answer["id"], answer["error"]["message"]) == (3, "The backend answered HTTP 404.")


async def test_a_stateless_call_is_cancelled_by_a_notification(tmp_path):
    async with flow(tmp_path) as f:
        reached, gone = asyncio.Event(), asyncio.Event()

        async def slow(*_: object) -> Reply:
            reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()
            return Reply(202)

        f.backend.reply = slow
        async with talking(f) as client:
            client.say(modern(call(INBOXES, 9))[0])
            async with asyncio.timeout(5):
                await reached.wait()
                cancel = {"requestId": 9}
                client.say(
                    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel}
                )
                await gone.wait()
        assert f.outcome["outcome"]["status"] == "cancelled"


@pytest.mark.parametrize("name", [{"a": 1}, [], None, True, 1.5])
async def test_a_cancellation_of_what_is_no_id_ends_nothing(tmp_path, name):
    async with flow(tmp_path) as f, talking(f) as client:
        params = {"requestId": name}
        client.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
        f.backend.reply = tool_result({"result": []}, 7)
        client.say(modern(call(INBOXES, 7))[0])
        (answer,) = await client.heard(1)
        assert answer["id"] == 7


async def test_calls_in_flight_are_finished_when_the_input_ends(tmp_path):
    async with flow(tmp_path) as f:
        reached, release = asyncio.Event(), asyncio.Event()

        async def slow(*_: object) -> Reply:
            reached.set()
            await release.wait()
            return tool_result({"result": []}, 4)

        f.backend.reply = slow
        async with talking(f) as client:
            client.say(modern(call(INBOXES, 4))[0])
            async with asyncio.timeout(5):
                await reached.wait()
            client.end()
            release.set()
        assert [answer["id"] for answer in client.out] == [4]


async def test_a_question_of_the_backend_is_answered_on_a_line_of_its_own(tmp_path):
    question = {
        "jsonrpc": "2.0",
        "id": "q",
        "method": "elicitation/create",
        "params": {"message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}},
    }
    async with flow(tmp_path, passed=["elicitation/create"]) as f:
        answered = asyncio.Event()

        async def streaming() -> Any:
            yield event(question)
            await answered.wait()
            yield event(orjson.loads(tool_result({"result": []}, 2).body))

        async def backend(verb: str, _headers: Any, body: Any) -> Reply:
            message = orjson.loads(body) if body else {}
            if message.get("method") == "initialize":
                hello = result({**HELLO, "serverInfo": {"name": "b", "version": "1"}}, 1)
                return Reply(200, (*JSON, ("mcp-session-id", "s-1")), hello.body)
            if message.get("method") == "tools/call":
                return Reply(200, (("content-type", "text/event-stream"),), stream=streaming())
            if message.get("id") == "q":
                answered.set()
            return Reply(202 if verb != "GET" else 405)

        f.backend.reply = backend
        async with talking(f) as client:
            client.say(ask("initialize", 1, **HELLO))
            client.say(call(INBOXES, 2))
            *_, asked = await client.heard(2)
            assert asked["method"] == "elicitation/create"
            client.say({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}})
            *_, last = await client.heard(3)
            assert last["id"] == 2


async def test_the_endpoints_scope_and_the_log_are_the_same_as_over_http(tmp_path):
    async with flow(tmp_path) as f, talking(f, endpoint="read") as client:
        client.say(modern(call("create_a_gladly_task", 1))[0])
        (answer,) = await client.heard(1)
        assert answer["error"]["message"] == "Unknown tool: create_a_gladly_task"
        assert f.backend.sent == []
        assert (f.outcome["actor"]["endpoint"], f.outcome["src"]["ip"]) == ("read", "stdio")
