"""Tasks that calls become: bound to their caller, and masked as the call's result would be."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from flow import (
    JSON,
    Flow,
    ask,
    call,
    event,
    flow,
    modern,
    result,
    stream,
    token,
    tool_list,
    tool_result,
)
from hypothesis import given
from hypothesis import strategies as st

from sidecar.exchange import Exchange, Tally
from sidecar.model import Caller, Decision, Endpoint, Head, Message, Reply, Tool
from sidecar.pipeline.tasks import Tasks

pytestmark = [pytest.mark.thorough, pytest.mark.anyio]

READ = "get_single_gladly_customer_by_id"
JANE = {"id": "OOrlNMXeS72gs_WEX2TtMg", "name": "Jane Roe", "address": "12 Harbor Street"}
PASSED = ["tasks/get", "tasks/result", "tasks/update", "tasks/cancel", "tasks/list"]
STATE = {"taskId": "t-1", "status": "completed", "statusMessage": "for jane.roe@example.com"}
OTHER = token(subject="somebody-else")
INNER: dict[str, Any] = orjson.loads(tool_result(JANE).body)["result"]
"""A result of the call, with a name that only the tool's paths find."""


def extended(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of the stateless era from a client that declares the extension."""
    made, headers = modern(body)
    capabilities = made["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]
    capabilities["extensions"] = {"io.modelcontextprotocol/tasks": {}}
    return made, headers


async def about(f: Flow, era: str, method: str, bearer: str = "", **params: Any) -> Any:
    """Ask about a task in the era's way."""
    if era == "legacy":
        return await f.ask(ask(method, **params), bearer=bearer)
    body, headers = extended(ask(method, **params))
    named = {"mcp-name": params["taskId"]}
    return await f.ask(body, headers=headers | named, bearer=bearer)


async def created(f: Flow, era: str, task_id: str = "t-1") -> Any:
    """A call that becomes a task."""
    state = {**STATE, "taskId": task_id, "status": "working"}
    asked = call(READ, id=JANE["id"])
    if era == "legacy":
        asked["params"]["task"] = {"ttl": 1000}
        f.backend.reply = result({"task": state})
        return await f.ask(asked)
    f.backend.reply = result({"resultType": "task", **state})
    body, headers = extended(asked)
    return await f.ask(body, headers=headers)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_result_of_a_task_is_masked_as_its_call_would_have_been(tmp_path, era):
    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, era)
        if era == "legacy":
            f.backend.reply = result(INNER)
            reply = await about(f, era, "tasks/result", taskId="t-1")
            shown = reply.json()["result"]
        else:
            f.backend.reply = result({"resultType": "complete", **STATE, "result": INNER})
            reply = await about(f, era, "tasks/get", taskId="t-1")
            shown = reply.json()["result"]["result"]
            assert list(reply.json()["result"]) == ["resultType", *STATE, "result"]
        assert shown["structuredContent"] == {**JANE, "name": "[NAME]", "address": "[ADDRESS]"}
        assert "Jane" not in reply.text
        last = f.events("outcome")[-1]
        assert last["data"]["masked"]["NAME"] >= 1
        assert last["data"]["subjects"] == [{"kind": "customer", "id": JANE["id"]}]
        assert "Jane" not in f.log.read_text()


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_task_that_failed_tells_its_error_masked(tmp_path, era):
    error = {"code": -32000, "message": "no", "data": {"result": JANE, "mail": "a@example.com"}}
    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, era)
        if era == "legacy":
            said = {"jsonrpc": "2.0", "id": 1, "error": error}
            f.backend.reply = Reply(200, JSON, orjson.dumps(said))
            reply = await about(f, era, "tasks/result", taskId="t-1")
            shown = reply.json()["error"]
        else:
            f.backend.reply = result({"resultType": "complete", **STATE, "error": error})
            reply = await about(f, era, "tasks/get", taskId="t-1")
            shown = reply.json()["result"]["error"]
        assert shown["data"]["result"]["name"] == "[NAME]"
        assert "Jane" not in reply.text
        assert "example.com" not in reply.text


@pytest.mark.parametrize(
    ("era", "method"),
    [
        ("legacy", "tasks/get"),
        ("legacy", "tasks/result"),
        ("legacy", "tasks/cancel"),
        ("modern", "tasks/get"),
        ("modern", "tasks/update"),
        ("modern", "tasks/cancel"),
    ],
)
async def test_the_task_of_another_is_as_unknown_as_an_invented_one(tmp_path, method, era):
    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, era)
        f.backend.sent.clear()
        stolen = await about(f, era, method, bearer=OTHER, taskId="t-1")
        invented = await about(f, era, method, taskId="t-2")
        for reply in (stolen, invented):
            error = reply.json()["error"]
            assert (error["code"], error["message"]) == (-32602, "Not found.")
        assert f.backend.sent == []
        assert f.events("outcome")[-1]["decision"]["reason"] == "unfound"


async def test_a_client_without_the_extension_is_told_what_it_must_declare(tmp_path):
    async with flow(tmp_path, passed=PASSED) as f:
        body, headers = modern(ask("tasks/get", taskId="t-1"))
        reply = await f.ask(body, headers=headers | {"mcp-name": "t-1"})
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (400, -32021)
        needed = error["data"]["requiredCapabilities"]["extensions"]
        assert list(needed) == ["io.modelcontextprotocol/tasks"]
        body, headers = modern(ask("tasks/result", taskId="t-1"))
        reply = await f.ask(body, headers=headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, -32601)
        assert f.backend.sent == []


@pytest.mark.parametrize("task_id", [None, 1, ["t-1"], "", "x" * 300])
async def test_what_is_no_id_names_no_task(tmp_path, task_id):
    async with flow(tmp_path, passed=PASSED) as f:
        reply = await about(f, "legacy", "tasks/get", taskId=task_id)
        assert reply.json()["error"]["code"] == -32602
        assert f.backend.sent == []


async def test_the_owner_may_see_and_end_a_task_with_a_newer_token(tmp_path):
    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, "legacy")
        for method in ("tasks/get", "tasks/cancel"):
            f.backend.reply = result(STATE)
            bearer = token(ttl_s=600)
            shown = (await about(f, "legacy", method, bearer=bearer, taskId="t-1")).json()["result"]
            assert shown == {**STATE, "statusMessage": "for [EMAIL]"}


async def test_a_list_of_tasks_holds_the_callers_own_alone(tmp_path):
    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, "legacy")
        f.backend.reply = result({"tasks": [STATE, {**STATE, "taskId": "t-2"}], "nextCursor": "c"})
        mine = (await about(f, "legacy", "tasks/list")).json()["result"]
        assert mine == {"tasks": [{**STATE, "statusMessage": "for [EMAIL]"}], "nextCursor": "c"}
        other = (await about(f, "legacy", "tasks/list", bearer=OTHER)).json()["result"]
        assert other == {"tasks": [], "nextCursor": "c"}


async def test_an_id_that_looks_like_a_number_of_a_card_stays_as_it_is(tmp_path):
    async with flow(tmp_path, passed=PASSED) as f:
        for era in ("legacy", "modern"):
            shown = (await created(f, era, "4111111111111111")).json()["result"]
            assert shown.get("task", shown)["taskId"] == "4111111111111111"
            assert shown.get("task", shown)["statusMessage"] == "for [EMAIL]"


@pytest.mark.parametrize(
    "state",
    [
        {**STATE, "result": "text"},
        {**STATE, "Result": INNER},
        {**STATE, "result": {"tools": []}},
        {**STATE, "result": {"Content": []}},
        {**STATE, "result": {"inputRequests": {"a": {"method": "elicitation/create"}}}},
        {**STATE, "inputRequests": {"a": {"method": "elicitation/create"}}},
        {**STATE, "more": {"tools": []}},
        {**STATE, "a@example.com": 1},
    ],
)  # fmt: skip
async def test_a_state_in_no_known_form_is_refused(tmp_path, state):
    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, "legacy")
        f.backend.reply = result(state)
        assert (await about(f, "legacy", "tasks/get", taskId="t-1")).status_code == 502


@pytest.mark.parametrize("tasks", [None, {}, ["t-1"], [STATE, None]])
async def test_a_list_in_no_known_form_is_refused(tmp_path, tasks):
    async with flow(tmp_path, passed=PASSED) as f:
        f.backend.reply = result({"tasks": tasks})
        assert (await about(f, "legacy", "tasks/list")).status_code == 502


async def test_a_list_of_tools_is_no_answer_about_a_task(tmp_path):
    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, "legacy")
        f.backend.reply = tool_list("invented")
        assert (await about(f, "legacy", "tasks/result", taskId="t-1")).status_code == 502


@pytest.mark.parametrize("method", ["notifications/tasks", "notifications/tasks/status"])
async def test_a_listener_hears_of_its_own_tasks_alone_and_masked(tmp_path, method):
    def told(task_id: str) -> bytes:
        params = {**STATE, "taskId": task_id, "result": INNER}
        return event({"jsonrpc": "2.0", "method": method, "params": params})

    async with flow(tmp_path, passed=PASSED) as f:
        await created(f, "modern")
        f.backend.reply = stream(told("t-1"), told("t-2"))
        heard = await f.ask(b"", verb="GET")
        assert heard.text.count("data:") == 1
        said = orjson.loads(heard.text.split("data: ")[1])["params"]
        assert said["result"]["structuredContent"]["name"] == "[NAME]"
        assert "Jane" not in heard.text
        f.backend.reply = stream(told("t-1"))
        assert "data:" not in (await f.ask(b"", verb="GET", bearer=OTHER)).text


def exchange(subject: str, task_id: str) -> Exchange:
    caller = Caller(Endpoint("e", None), is_authenticated=True, subject=subject)
    body = {"params": {"taskId": task_id}}
    message = Message("request", body, b"", "tasks/get", 1)

    async def read() -> bytes:
        return b""

    return Exchange(
        "id", Head("POST", "/mcp", ()), read, Tally(), 0.0, caller, message, Tool("a"),
        {"taskId": task_id}, decision=Decision({}, ""),
    )  # fmt: skip


def known(tasks: Tasks, subject: str, task_id: str) -> bool:
    return tasks._of(exchange(subject, task_id), task_id) is not None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("123456")), max_size=30))
def test_the_memory_of_tasks_is_bounded_and_keeps_the_last_used(made):
    tasks = Tasks(capacity=3)
    for subject, task_id in made:
        tasks.created(exchange(subject, task_id), {"task": {"taskId": task_id}})
        assert known(tasks, subject, task_id)
    assert len(tasks._calls) <= 3


def test_a_task_is_forgotten_a_while_after_it_was_last_asked_for():
    now = 0.0
    tasks = Tasks(ttl_s=10, clock=lambda: now)
    tasks.created(exchange("a", "1"), {"resultType": "task", "taskId": "1"})
    for now in (9.0, 18.0, 28.0):
        assert known(tasks, "a", "1") is (now < 28.0)
    assert len(tasks._calls) == 0
