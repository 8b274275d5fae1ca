"""Backend accounts in whole exchanges: whose credential a call uses, and what binds it there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from flow import (
    Backend,
    Flow,
    ask,
    call,
    event,
    flow,
    result,
    stream,
    tool_list,
    tool_result,
)
from structlog.testing import capture_logs

from sidecar import audit
from sidecar.model import Reply

pytestmark = [pytest.mark.thorough, pytest.mark.anyio]

READ, OTHER = "list_all_gladly_tasks", "list_all_gladly_inboxes"
SCHEMA = orjson.loads((Path(audit.__file__).parent / "event.schema.json").read_bytes())


@pytest.mark.parametrize("body", [call(READ, customer_id="x"), ask("tools/list"), ask("ping")])
async def test_whatever_is_asked_goes_to_the_account_of_its_endpoint_and_to_no_other(
    tmp_path, body
):
    emea, apac = Backend(Reply(202)), Backend(Reply(202))
    async with flow(tmp_path, accounts={"emea": emea, "apac": apac}) as f:
        for endpoint in ("emea", "all", "emea", "apac"):
            await f.ask(body, endpoint=endpoint)
        assert [len(b.sent) for b in (f.backend, emea, apac)] == [1, 2, 1]


async def test_a_list_is_that_of_the_endpoints_own_account(tmp_path):
    emea = Backend(tool_list(OTHER))
    async with flow(tmp_path, accounts={"emea": emea}) as f:
        f.backend.reply = tool_list(READ)
        for endpoint, name in (("emea", OTHER), ("read", READ)):
            shown = (await f.ask(ask("tools/list"), endpoint=endpoint)).json()["result"]["tools"]
            assert [tool["name"] for tool in shown] == [name]


async def test_a_question_is_answered_to_the_account_that_asked_it(tmp_path):
    question = {"jsonrpc": "2.0", "id": "q", "method": "roots/list"}
    final = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}

    async def reply(_verb: str, _headers: Any, body: bytes) -> Reply:
        return stream(event(question), event(final)) if b"tools/call" in body else Reply(202)

    emea = Backend(reply)
    async with flow(tmp_path, accounts={"emea": emea}) as f:
        await f.ask(call(READ, customer_id="x"), endpoint="emea")
        assert [body.get("method") for _, _, body in emea.sent] == ["tools/call", None]
        assert f.backend.sent == []


@pytest.mark.parametrize(
    ("verb", "body"),
    [("POST", call(READ, customer_id="x")), ("POST", ask("ping")), ("GET", b""), ("DELETE", b"")],
)
async def test_invariant_11_an_account_that_is_gone_is_refused_and_never_served_by_another(
    tmp_path, verb, body
):
    emea = Backend(Reply(202))
    async with flow(tmp_path, accounts={"emea": emea}) as f:
        with capture_logs() as lines:
            reply = await f.ask(body, verb=verb, endpoint="apac")
        assert reply.status_code == 503
        assert reply.json()["error"]["code"] == -32603
        assert f.backend.sent == emea.sent == []
        outcome = f.outcome
        assert outcome["decision"]["reason"] == "account_unknown"
        assert outcome["actor"]["account"] == "apac"
        assert f.events("intent") == []
        (line,) = [line for line in lines if line["event"] == "calls fail"]
        assert line["detail"] == "an endpoint's account is not in the settings: apac"
        assert "apac" not in reply.text


async def opened(f: Flow, backend: Backend, endpoint: str) -> None:
    hello = result({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}})
    backend.reply = Reply(200, (*hello.headers, ("mcp-session-id", "s-1")), hello.body)
    assert (await f.ask(ask("initialize"), endpoint=endpoint)).status_code == 200
    backend.sent.clear()


async def test_a_session_of_one_account_is_not_found_at_another(tmp_path):
    emea = Backend(Reply(202))
    session = {"mcp-session-id": "s-1"}
    async with flow(tmp_path, accounts={"emea": emea}) as f:
        await opened(f, emea, "emea")
        for verb in ("POST", "GET", "DELETE"):
            reply = await f.ask(ask("ping"), verb=verb, endpoint="read", headers=session)
            assert reply.status_code == 404
        assert f.backend.sent == emea.sent == []
        emea.reply = result({})
        assert (await f.ask(ask("ping"), endpoint="emea", headers=session)).status_code == 200


async def test_an_endpoint_that_changes_its_account_takes_no_session_along(tmp_path):
    emea, apac = Backend(Reply(202)), Backend(Reply(202))
    async with flow(tmp_path, accounts={"emea": emea, "apac": apac}) as f:
        await opened(f, emea, "emea")
        (endpoint,) = [one for one in f.directory if one.name == "emea"]
        f.directory.put(replace(endpoint, account="apac"))
        reply = await f.ask(ask("ping"), endpoint="emea", headers={"mcp-session-id": "s-1"})
        assert reply.status_code == 404
        assert apac.sent == emea.sent == []


async def test_an_endpoint_that_changes_its_account_takes_no_task_along(tmp_path):
    emea, apac = Backend(result({"task": {"taskId": "t-1", "status": "working"}})), Backend()
    accounts = {"emea": emea, "apac": apac}
    async with flow(tmp_path, passed=["tasks/get"], accounts=accounts) as f:
        await f.ask(call(READ, customer_id="x"), endpoint="emea")
        about = ask("tasks/get", taskId="t-1")
        await f.ask(about, endpoint="emea")
        assert [body["method"] for _, _, body in emea.sent] == ["tools/call", "tasks/get"]
        (endpoint,) = [one for one in f.directory if one.name == "emea"]
        f.directory.put(replace(endpoint, account="apac"))
        assert "error" in (await f.ask(about, endpoint="emea")).json()
        assert apac.sent == []
        assert len(emea.sent) == 2


async def test_policy_and_the_audit_log_are_told_the_account(tmp_path):
    emea = Backend(tool_result({"result": []}))
    async with flow(tmp_path, accounts={"emea": emea}) as f:
        f.backend.reply = tool_result({"result": []})
        await f.ask(call(READ, customer_id="x"), endpoint="emea")
        await f.ask(call(READ, customer_id="x"), endpoint="read")
        theirs, ours = f.events("intent")
        assert theirs["decision"]["input"]["endpoint"]["account"] == "emea"
        assert ours["decision"]["input"]["endpoint"]["account"] == ""
        assert [e["actor"].get("account") for e in f.events("outcome")] == ["emea", None]
        for one in f.events("outcome"):
            jsonschema.Draft202012Validator(SCHEMA).validate(one)
