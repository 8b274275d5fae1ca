"""What events hold of whole exchanges: merges, exports, what redaction did, workloads, clients."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from flow import JSON, Flow, call, flow, result, token, tool_result
from test_audit_event import VALIDATOR

from sidecar import audit
from sidecar.exchange import merges
from sidecar.model import Event, Reply, Subject, Tool
from sidecar.pipeline import floods

pytestmark = pytest.mark.anyio

OLD, NEW = "OOrlNMXeS72gs_WEX2TtMg", "rVam0PqLTSuGk3xN1bYw7A"
GET, TASKS = "get_single_gladly_customer_by_id", "list_all_gladly_tasks"
MOVED = {
    "attr": "customerId",
    "code": "moved",
    "detail": "customer id has changed",
    "meta": {"old": OLD, "new": NEW},
}
MERGE = [{"from": OLD, "to": NEW}]


def told(f: Flow) -> dict[str, Any]:
    """The `data` of the last outcome; every event is as the schema says."""
    for event in f.events():
        VALIDATOR.validate(event)
    data: dict[str, Any] = f.events("outcome")[-1].get("data", {})
    return data


def error_result(text: str) -> Reply:
    return result({"content": [{"type": "text", "text": text}], "isError": True})


def rpc_error(data: Any) -> Reply:
    error = {"code": -32603, "message": "failed", "data": data}
    return Reply(200, JSON, orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": error}))


ENVELOPE = {
    "statusCode": 400,
    "error": "Bad Request",
    "message": "",
    "truto_is_remote_error": True,
    "raw_response": {"errors": [MOVED]},
}
SAID = "This customer was merged into another profile (moved). "


@pytest.mark.parametrize(
    "reply",
    [
        tool_result({"id": NEW, "name": "x"}),
        error_result(orjson.dumps(ENVELOPE).decode()),
        error_result(SAID + orjson.dumps({"status": 301, **MOVED}).decode()),
        rpc_error(ENVELOPE),
        rpc_error({"errors": MOVED}),
        Reply(400, JSON, orjson.dumps(ENVELOPE)),
    ],
    ids=["another answered", "tool error", "in words", "rpc error", "one object", "http error"],
)
async def test_a_merge_is_told_with_both_ids_and_both_are_subjects(tmp_path, reply):
    async with flow(tmp_path) as f:
        f.backend.reply = reply
        await f.ask(call(GET, id=OLD))
        data = told(f)
        assert data["merged"] == MERGE
        assert {one["id"] for one in data["subjects"]} == {OLD, NEW}


@pytest.mark.parametrize(
    "reply",
    [
        tool_result({"id": OLD}),
        tool_result({}),
        tool_result({"id": OLD, "customAttributes": {"errors": MOVED}}),
        error_result('{"code": "moved", "meta": {"old": "Jane Roe", "new": "x"}}'),
        error_result('{"code": "moved", "meta": ["old", "new"]}'),
        error_result('{"code": "moved", "meta": {"old": "a", "new": {"b": 1}}}'),
    ],
)
async def test_what_is_no_merge_of_two_ids_is_told_as_none(tmp_path, reply):
    async with flow(tmp_path) as f:
        f.backend.reply = reply
        await f.ask(call(GET, id=OLD))
        assert "merged" not in told(f)


def test_a_list_about_several_customers_says_nothing_of_a_merge():
    rules = (
        Subject("customer", "argument", "/customer_id"),
        Subject("customer", "result", "/customerId"),
    )
    tool = Tool("t", is_known=True, subjects=rules)
    asked = {"customer_id": OLD}
    assert merges(tool, asked, [{"customerId": NEW}, {"customerId": NEW}]) == MERGE
    assert merges(tool, asked, [{"customerId": NEW}, {"customerId": OLD}]) == []
    assert merges(tool, {}, [{"customerId": NEW}]) == []


async def test_an_error_nested_without_end_is_looked_through_to_a_bound():
    deep: Any = MOVED
    for _ in range(5000):
        deep = [deep]
    assert merges(Tool("t"), {}, [deep] * 2, is_error=True) == []
    assert merges(Tool("t"), {}, [[MOVED]], is_error=True) == MERGE


async def test_calls_of_export_tools_are_marked_in_both_events_and_others_are_not(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"result": []})
        await f.ask(call("list_all_gladly_export_jobs"))
        refused = call("delete_a_gladly_export_job_by_id", id="x")
        await f.ask(refused, endpoint="read")
        assert {e["data"].get("is_export") for e in f.events()} == {True}
        await f.ask(call(TASKS, customer_id="x"))
        assert "is_export" not in told(f)


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (tool_result({"id": OLD}), "scanned"),
        (tool_result({"id": OLD, "emails": [{"original": "a.b@example.com"}]}), "masked"),
        (result({"content": [{"type": "text", "text": "x" * 1_000_001}]}), "unscannable"),
        (result({"tools": [], "x": {"tools": []}, "content": []}, 999), "blocked"),
        (Reply(500, (), b"boom"), "blocked"),
        (Reply(429, JSON, b"{}"), "scanned"),
        (Reply(429, (("content-encoding", "gzip"),), b"\x1f\x8b"), "unscannable"),
    ],
)
async def test_an_outcome_says_what_redaction_made_of_what_came_back(tmp_path, reply, state):
    async with flow(tmp_path) as f:
        f.backend.reply = reply
        await f.ask(call(GET, id=OLD))
        assert told(f)["result"] == state


async def test_where_nothing_came_back_nothing_is_said_of_it(tmp_path):
    async with flow(tmp_path) as f:
        await f.ask(call("no_such_tool"))
        assert "result" not in told(f)


async def test_the_workload_and_the_claimed_client_are_told_scrubbed_and_bounded(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"result": []})
        bound = {
            "namespace": "agents",
            "serviceaccount": {"name": "desk", "uid": "not-told"},
            "pod": {"name": "desk-0", "uid": "0b7f2c1e-6d0a-4b2e-9a51-5f2d1c7e8a90"},
        }
        agent = "desk/1.0 (mail jane.roe@example.com) " + "x" * 500
        bearer = token(claims={"kubernetes.io": bound})
        await f.ask(call(TASKS, customer_id="x"), bearer=bearer, headers={"user-agent": agent})
        before, after = f.events()
        assert before["actor"]["workload"] == after["actor"]["workload"] == {
            "namespace": "agents",
            "service_account": "desk",
            "pod": "desk-0",
            "pod_uid": "0b7f2c1e-6d0a-4b2e-9a51-5f2d1c7e8a90",
        }  # fmt: skip
        assert before["src"]["user_agent"].startswith("desk/1.0 (mail [EMAIL]) xxx")
        assert len(before["src"]["user_agent"]) <= 200
        assert "src" not in after
        told(f)


async def test_outcome_and_intent_agree_on_who_asked_for_what_and_what_policy_said(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"id": OLD})
        await f.ask(call(GET, id=OLD))
        before, after = f.events()
        assert after["actor"] == before["actor"]
        assert after["mcp"] == before["mcp"]
        asked = before["decision"].pop("input")
        assert after["decision"] == before["decision"]
        assert asked["arguments"] == {"id": OLD}
        assert asked["caller"]["subject"] == "agent-1"


async def test_a_refusal_after_the_intent_says_so_and_keeps_what_policy_said(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = Reply(500)
        await f.ask(call(GET, id=OLD))
        before, after = f.events()
        assert before["decision"]["result"] == "mask"
        assert after["decision"]["result"] == "error"
        assert after["decision"]["reason"] == "backend_refused"
        assert after["decision"]["rules"] == before["decision"]["rules"]


async def test_a_flood_tells_its_count_with_the_times_of_the_first_and_the_last(tmp_path):
    async with flow(tmp_path) as f:
        for _ in range(4):
            await f.ask(call(TASKS), bearer="bad")
        await f.road.close()
        first, more = f.events()
        assert more["outcome"]["count"] == 3
        times = [first["ts"], more["outcome"]["first_at"], more["outcome"]["last_at"], more["ts"]]
        assert times == sorted(times)
        told(f)


async def test_a_flood_that_is_over_is_told_without_anybody_coming_again(tmp_path):
    async with flow(tmp_path) as f:
        written = asyncio.Event()
        record = f.writer.record

        async def recorded(event: Any, **named: Any) -> None:
            await record(event, **named)
            if "count" in event.outcome:
                written.set()

        f.writer.record = recorded  # type: ignore[method-assign]  # the real one, and a bell
        counted = floods.Floods(f.writer, window=0.01)
        event = stranger()
        await counted.count(("10.0.0.1", "why"), event)
        await counted.count(("10.0.0.1", "why"), event)
        async with asyncio.timeout(5):
            await written.wait()
        assert [e["outcome"].get("count") for e in f.events()] == [None, 1]
        await counted.close()
        assert len(f.events()) == 2


def stranger() -> Event:
    """The record of one refused stranger."""
    return Event(audit.event_id(), "outcome", outcome={"status": "refused"})
