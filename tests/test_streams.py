"""Streams through a real sidecar process, from a server made with the official SDK."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio
import flow
import httpx2
import orjson
import pytest
from anyio import to_thread
from gladly_fixtures import ERAS, text
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import LoggingMessageNotification, LoggingMessageNotificationParams
from world import PATIENCE, Behind, caller, handshake, logged, served, staged

from sidecar import audit, sse

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

MAIL = "mara.lindqvist@example.com"
STEPS = 4
PROMPT = 2.0
"""Seconds within which a departure has to be noticed."""


class Stage:
    """The backend's server, and what the test and its tools tell each other across threads."""

    def __init__(self) -> None:
        self.seen = threading.Semaphore(0)
        self.started = threading.Event()
        self.cancelled = threading.Event()
        server = MCPServer("streams")
        server.tool(name="list_all_gladly_tasks")(self.step_by_step)
        server.tool(name="list_all_gladly_inboxes")(self.hang)
        server.tool(name="list_all_gladly_customers")(self.announce)
        self.app = server.streamable_http_app(json_response=False)

    async def step_by_step(self, context: Context) -> str:
        """Send progress, each step only after the test has seen the one before."""
        for step in range(STEPS):
            await context.report_progress(step, STEPS, f"step {step}, writing to {MAIL}")
            if not await to_thread.run_sync(partial(self.seen.acquire, timeout=PATIENCE)):
                raise TimeoutError(f"nobody saw step {step}")
        return f"sent to {MAIL}"

    async def hang(self, context: Context) -> str:
        """Begin, and not answer in time; say when cancelled."""
        try:
            await context.report_progress(0, 1, "begun")
            self.started.set()
            await asyncio.wait_for(asyncio.Event().wait(), PATIENCE)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "too late"

    async def announce(self, context: Context) -> str:
        """Send a notification that belongs to no request: it goes to whoever listens."""
        params = LoggingMessageNotificationParams(level="info", data=f"for {MAIL}")
        await context.session.send_notification(LoggingMessageNotification(params=params))
        return "announced"


@pytest.fixture(scope="module")
def playing() -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    with served(stage.app) as url:
        yield stage, f"{url}/mcp"


@pytest.fixture
def stage(playing: tuple[Stage, str]) -> Stage:
    stage = playing[0]
    stage.started.clear()
    stage.cancelled.clear()
    return stage


@pytest.fixture(scope="module")
def sidecar(
    playing: tuple[Stage, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    with staged(Behind(tmp_path_factory.mktemp("sidecar"), playing[1])) as up:
        yield up


@pytest.mark.parametrize("era", ERAS)
async def test_progress_arrives_event_by_event_and_masked(sidecar, stage, era):
    messages: list[str | None] = []

    async def seen(progress: float, total: float | None, message: str | None) -> None:
        messages.append(message)
        stage.seen.release()

    async with (
        caller(sidecar.bearer("agent")) as http,
        Client(streamable_http_client(sidecar.url("triage"), http_client=http), mode=era) as client,
    ):
        done = await client.call_tool("list_all_gladly_tasks", {}, progress_callback=seen)
    assert messages == [f"step {step}, writing to [EMAIL]" for step in range(STEPS)]
    assert not done.is_error
    assert text(done) == "sent to [EMAIL]"


def hanging(era: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A call that is never answered, without asking for progress: nothing comes back at all."""
    call = flow.call("list_all_gladly_inboxes", "hang")
    return flow.modern(call) if era == "auto" else (call, {})


async def left(sidecar: Behind, stage: Stage, body: dict[str, Any], headers: dict[str, str]):
    """Call, and go away once the backend is at work; whether the backend noticed in time."""
    async with (
        caller(sidecar.bearer("agent")) as http,
        anyio.create_task_group() as group,
    ):
        url = sidecar.url("triage")
        group.start_soon(partial(http.post, url, json=body, headers=headers))
        assert await to_thread.run_sync(stage.started.wait, PATIENCE)
        group.cancel_scope.cancel()
    return await to_thread.run_sync(stage.cancelled.wait, PROMPT)


async def test_a_caller_who_leaves_before_the_answer_begins_cancels_the_call(
    playing, stage, tmp_path
):
    async with Behind(tmp_path, playing[1]) as sidecar:
        assert await left(sidecar, stage, *hanging("auto"))
        await sidecar.stop_sidecar()
        assert_one_outcome(sidecar, "cancelled", tool="list_all_gladly_inboxes")


async def test_a_caller_who_leaves_amid_a_stream_cancels_the_call(playing, stage, tmp_path):
    body, headers = hanging("auto")
    body["params"]["_meta"]["progressToken"] = "p"
    async with Behind(tmp_path, playing[1]) as sidecar:
        async with (
            caller(sidecar.bearer("agent")) as http,
            http.stream("POST", sidecar.url("triage"), json=body, headers=headers) as stream,
        ):
            assert (await first_event(stream))["method"] == "notifications/progress"
        assert await to_thread.run_sync(stage.cancelled.wait, PROMPT)
        await sidecar.stop_sidecar()
        assert_one_outcome(sidecar, "cancelled", tool="list_all_gladly_inboxes")


def assert_one_outcome(sidecar: Behind, status: str, **mcp: str) -> None:
    (outcome,) = logged(sidecar, **mcp)
    assert outcome["outcome"]["status"] == status
    assert audit.verify(sidecar.audit_log).is_valid


async def first_event(stream: httpx2.Response) -> dict[str, Any]:
    """The first message of an open stream."""
    parser = sse.Parser(1 << 20)
    async with asyncio.timeout(PATIENCE):
        async for chunk in stream.aiter_raw():
            for event in parser.feed(chunk):
                if event.data:
                    message: dict[str, Any] = orjson.loads(event.data)
                    return message
    raise AssertionError("the stream ended without an event")


async def test_a_listener_gets_masked_notifications_and_can_end_its_session(sidecar):
    url = sidecar.url("triage")
    async with caller(sidecar.bearer("agent")) as http:
        session = await handshake(http, url)
        async with http.stream("GET", url, headers=session) as stream:
            assert stream.status_code == 200
            assert stream.headers["content-type"] == "text/event-stream"
            assert stream.headers["x-accel-buffering"] == "no"
            await http.post(url, json=flow.call("list_all_gladly_customers"), headers=session)
            heard = await first_event(stream)
        assert heard["method"] == "notifications/message"
        assert heard["params"]["data"] == "for [EMAIL]"
        assert (await http.delete(url, headers=session)).status_code == 200
        assert (await http.post(url, json=flow.ask("ping"), headers=session)).status_code == 404


async def test_a_listener_who_leaves_is_no_longer_listened_for(playing, tmp_path):
    """A session has room for one listener: a second is let in only once the first is gone."""
    async with (
        Behind(tmp_path, playing[1]) as sidecar,
        caller(sidecar.bearer("agent")) as http,
    ):
        url = sidecar.url("triage")
        session = await handshake(http, url)
        async with http.stream("GET", url, headers=session) as stream:
            assert stream.status_code == 200
            with anyio.fail_after(PATIENCE):
                second = await http.get(url, headers=session)
            assert (second.status_code, second.json()["error"]["code"]) == (409, -32600)
        async with asyncio.timeout(PROMPT):
            while (again := await first_status(http, url, session)) == 409:
                pass
        assert again == 200


async def first_status(http: httpx2.AsyncClient, url: str, session: dict[str, str]) -> int:
    async with http.stream("GET", url, headers=session) as stream:
        return stream.status_code


@pytest.mark.parametrize("verb", ["POST", "GET", "DELETE"])
async def test_the_session_of_another_is_as_unknown_as_an_invented_one(sidecar, verb):
    url = sidecar.url("triage")
    body = flow.ask("tools/list") if verb == "POST" else None
    async with caller(sidecar.bearer("owner")) as owner, caller(sidecar.bearer("thief")) as thief:
        session = await handshake(owner, url)
        invented = session | {"mcp-session-id": "f" * 32}
        with anyio.fail_after(PATIENCE):  # a stream that is wrongly opened would not end
            stolen = await thief.request(verb, url, json=body, headers=session)
        unknown = await thief.request(verb, url, json=body, headers=invented)
        assert stolen.status_code == unknown.status_code == 404
        assert (stolen.content, stolen.headers) == (unknown.content, unknown.headers)
        mine = await owner.post(url, json=flow.ask("ping"), headers=session)
        assert mine.status_code == 200


async def test_a_notification_is_answered_202_with_nothing_in_it(sidecar):
    url = sidecar.url("triage")
    async with caller(sidecar.bearer("agent")) as http:
        session = await handshake(http, url)
        said = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}}
        answer = await http.post(url, json=said, headers=session)
    assert (answer.status_code, answer.content) == (202, b"")
    assert "content-type" not in answer.headers
