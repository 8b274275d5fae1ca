"""The event's id at the backend: its log and our audit log can be held against each other."""

from __future__ import annotations

from typing import Any

import flow
import pytest
from flow import ask, call, event, result, stream, tool_result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from world import Behind, caller, logged, served

from sidecar.model import Reply

pytestmark = pytest.mark.anyio

READ = "list_all_gladly_tasks"
THEIRS = {"x-request-id": "theirs", "X-Request-ID": "theirs"}


def seen(f: flow.Flow) -> list[str | None]:
    return [headers.get("x-request-id") for _, headers, _ in f.backend.sent]


async def test_the_backend_is_told_the_intents_id_and_never_the_callers(tmp_path):
    async with flow.flow(tmp_path) as f:
        f.backend.reply = tool_result({"result": []})
        for _ in range(2):
            await f.ask(call(READ, customer_id="x"), headers=THEIRS)
        ids = [intent["id"] for intent in f.events("intent")]
        assert seen(f) == ids
        assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("verb", "body", "reply"),
    [
        ("POST", ask("ping"), result({})),
        ("POST", {"jsonrpc": "2.0", "method": "notifications/initialized"}, Reply(202)),
        ("POST", ask("tools/list"), result({"tools": []})),
        ("DELETE", b"", Reply(204)),
        ("GET", b"", Reply(405)),
    ],
    ids=["ping", "notification", "list", "delete", "get"],
)
async def test_whatever_else_is_sent_bears_the_id_of_its_first_record(tmp_path, verb, body, reply):
    async with flow.flow(tmp_path) as f:
        f.backend.reply = reply
        await f.ask(body, verb=verb, headers=THEIRS)
        f.writer.close()
        assert seen(f) == [f.events()[0]["id"]]


async def test_an_answer_in_the_agents_place_bears_the_id_of_its_exchange(tmp_path):
    async with flow.flow(tmp_path) as f:
        question = {"jsonrpc": "2.0", "id": "q", "method": "roots/list"}
        final = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}

        async def reply(_verb: str, _headers: Any, body: bytes) -> Reply:
            is_call = b"tools/call" in body
            return stream(event(question), event(final)) if is_call else Reply(202)

        f.backend.reply = reply
        await f.ask(call(READ, customer_id="x"))
        (intent,) = f.events("intent")
        assert seen(f) == [intent["id"]] * 2


@pytest.mark.sockets
async def test_what_a_real_backend_saw_is_found_in_the_audit_log(tmp_path):
    """The sidecar's own look at the list of tools belongs to no exchange, and bears no id."""
    called: list[list[str]] = []
    listed: list[list[str]] = []

    async def answer(request: Request) -> Response:
        asked = await request.json()
        is_call = asked["method"] == "tools/call"
        (called if is_call else listed).append(request.headers.getlist("x-request-id"))
        reply = tool_result({"result": []}, asked["id"]) if is_call else flow.tool_list(READ)
        return Response(reply.body, media_type="application/json")

    with served(Starlette(routes=[Route("/mcp", answer, methods=["POST"])])) as url:
        async with Behind(tmp_path, f"{url}/mcp") as sidecar:
            async with caller(sidecar.bearer("agent")) as http:
                done = await http.post(
                    sidecar.url("triage"), json=call(READ, customer_id="x"), headers=THEIRS
                )
            assert done.status_code == 200, done.text
            (intent,) = logged(sidecar, "intent")
            (outcome,) = logged(sidecar, tool=READ)
    assert called == [[intent["id"]]]
    assert outcome["ref"] == intent["id"]
    assert listed
    assert not any(listed)
