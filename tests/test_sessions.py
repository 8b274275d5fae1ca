"""Calls in flight in a session: one id, one call; results that come late; what resumes a stream."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from flow import ask, call, event, flow, result, stream, token, tool_result

from sidecar import audit
from sidecar.errors import BackendTimedOut
from sidecar.model import Reply

pytestmark = pytest.mark.anyio

SESSION = {"mcp-session-id": "s-1"}
CUSTOMERS, INBOXES = "list_all_gladly_customers", "list_all_gladly_inboxes"
JANE = {"result": [{"id": "OOrlNMXeS72gs_WEX2TtMg", "name": "Jane Roe"}]}


async def in_session(f):
    """A handshake, so that the session belongs to its caller."""
    hello = result({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}})
    f.backend.reply = Reply(200, (*hello.headers, ("mcp-session-id", "s-1")), hello.body)
    await f.ask(ask("initialize"))
    f.backend.sent.clear()


@pytest.mark.parametrize("second", [1, "1"])
async def test_an_id_that_is_in_flight_in_a_session_is_not_taken_twice(tmp_path, second):
    """A server that routes by id would give the first call's result to the second one's stream."""
    async with flow(tmp_path) as f:
        await in_session(f)
        reached, release = asyncio.Event(), asyncio.Event()

        async def slow(*_: object) -> Reply:
            reached.set()
            await release.wait()
            return tool_result(JANE)

        f.backend.reply = slow
        first = asyncio.create_task(f.ask(call(CUSTOMERS, phoneNumber="x"), headers=SESSION))
        async with asyncio.timeout(5):
            await reached.wait()
            other = await f.ask(call(INBOXES, second), headers=SESSION)
            assert other.status_code == 400
            assert len(f.backend.sent) == 1
            release.set()
            assert "[NAME]" in (await first).text
        f.backend.reply = tool_result({"result": []})
        assert (await f.ask(call(INBOXES, 1), headers=SESSION)).status_code == 200


PAGE = Reply(500, (("content-type", "text/html"),), b"<h1>down</h1>")
LIMITED = Reply(429, (("content-type", "application/json"),), b"{}")


@pytest.mark.parametrize("answer", [LIMITED, PAGE, Reply(404)], ids=["429", "500", "404"])
async def test_an_id_is_free_again_after_an_answer_that_is_no_result(tmp_path, answer):
    async with flow(tmp_path) as f:
        await in_session(f)
        f.backend.reply = answer
        assert (await f.ask(call(INBOXES, 7), headers=SESSION)).status_code >= 400
        f.backend.reply = tool_result({"result": []}, 7)
        assert (await f.ask(call(INBOXES, 7), headers=SESSION)).status_code == 200


async def test_an_id_is_free_again_after_a_call_that_never_left(tmp_path):
    async with flow(tmp_path) as f:
        await in_session(f)
        refused = await f.ask(call("no_such_tool", 7), headers=SESSION)
        assert "Unknown tool" in refused.text
        f.backend.reply = tool_result({"result": []}, 7)
        assert (await f.ask(call(INBOXES, 7), headers=SESSION)).status_code == 200


async def test_an_id_stays_taken_while_its_result_may_still_come(tmp_path):
    async with flow(tmp_path) as f:
        await in_session(f)
        f.backend.reply = BackendTimedOut("late")
        first = await f.ask(call(CUSTOMERS, 7, phoneNumber="x"), headers=SESSION)
        assert first.status_code == 504
        again = await f.ask(call(INBOXES, 7), headers=SESSION)
        assert (again.status_code, len(f.backend.sent)) == (400, 1)
        # The refusal of the second call does not free the first one's id.
        again = await f.ask(call(INBOXES, 7), headers=SESSION)
        assert (again.status_code, len(f.backend.sent)) == (400, 1)


async def test_the_same_id_in_another_session_or_without_one_is_nobodys_business(tmp_path):
    async with flow(tmp_path) as f:
        release = asyncio.Event()
        arrived = asyncio.Semaphore(0)

        async def slow(*_: object) -> Reply:
            arrived.release()
            await release.wait()
            return tool_result({"result": []})

        f.backend.reply = slow
        calls = [asyncio.create_task(f.ask(call(INBOXES, 1))) for _ in range(2)]
        async with asyncio.timeout(5):
            for _ in calls:
                await arrived.acquire()
            release.set()
            assert [(await c).status_code for c in calls] == [200, 200]


async def test_a_result_that_comes_on_another_stream_is_its_calls_own_outcome(tmp_path):
    answer = orjson.loads(tool_result(JANE).body)
    async with flow(tmp_path) as f:
        await in_session(f)
        f.backend.reply = stream(b"id: e-1\ndata:\n\n")
        await f.ask(call(CUSTOMERS, phoneNumber="x"), headers=SESSION)
        assert [e["mcp"]["method"] for e in f.events("outcome")] == ["initialize"]
        f.backend.reply = stream(event(answer))
        resumed = await f.ask(b"", verb="GET", headers={**SESSION, "last-event-id": "e-1"})
        assert "[NAME]" in resumed.text
        *_, of_call, of_get = f.events("outcome")
        (intent,) = [e for e in f.events("intent") if e["mcp"].get("tool") == CUSTOMERS]
        assert (of_call["ref"], of_call["outcome"]["status"]) == (intent["id"], "ok")
        assert of_call["data"]["subjects"] == [{"kind": "customer", "id": JANE["result"][0]["id"]}]
        assert (of_get["mcp"]["verb"], of_get["outcome"]["status"]) == ("GET", "stream_ended")


async def test_a_call_that_still_waits_at_the_end_has_its_outcome_then(tmp_path):
    async with flow(tmp_path) as f:
        await in_session(f)
        f.backend.reply = stream(b"id: e-1\ndata:\n\n")
        await f.ask(call(CUSTOMERS, phoneNumber="x"), headers=SESSION)
        await f.road.close()
        assert f.events("outcome")[-1]["outcome"]["status"] == "cancelled"
        f.writer.close()
        assert audit.verify(f.log).open_intents == ()


@pytest.mark.parametrize("event_id", ["e-2", "../x"])
async def test_a_stream_is_resumed_only_after_an_event_that_went_to_this_caller(tmp_path, event_id):
    async with flow(tmp_path) as f:
        await in_session(f)
        f.backend.reply = stream(b"id: e-1\ndata:\n\n")
        await f.ask(call(CUSTOMERS, phoneNumber="x"), headers=SESSION)
        f.backend.sent.clear()
        headers = {**SESSION, "last-event-id": event_id}
        assert (await f.ask(b"", verb="GET", headers=headers)).status_code == 400
        assert f.backend.sent == []


async def test_an_event_of_one_caller_resumes_nothing_for_another(tmp_path):
    async with flow(tmp_path) as f:
        await in_session(f)
        f.backend.reply = stream(b"id: e-1\ndata:\n\n")
        await f.ask(call(CUSTOMERS, phoneNumber="x"), headers=SESSION)
        f.backend.sent.clear()
        other = token(subject="somebody-else")
        reply = await f.ask(b"", verb="GET", headers={"last-event-id": "e-1"}, bearer=other)
        assert reply.status_code == 400
        assert f.backend.sent == []


PROGRESS = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}


@pytest.mark.parametrize(
    "body", [call(INBOXES), {"jsonrpc": "2.0", "method": "notifications/initialized"}]
)
async def test_a_stream_that_stops_where_no_session_could_resume_it_has_its_outcome(tmp_path, body):
    async with flow(tmp_path) as f:
        f.backend.reply = stream(b"id: e-1\r\n" + event(PROGRESS))
        await f.ask(body)
        assert f.outcome["decision"]["reason"] == "stream_cut"


async def test_a_call_that_waits_and_makes_room_for_another_has_its_outcome_at_once(tmp_path):
    async with flow(tmp_path) as f:
        await in_session(f)
        f.road._waiting._calls._capacity = 1
        for number in (1, 2):
            f.backend.reply = stream(b"id: e-1\r\n" + event(PROGRESS))
            await f.ask(call(INBOXES, number), headers=SESSION)
        _, first, second = f.events("intent")
        ends = {e["ref"]: e["outcome"]["status"] for e in f.events("outcome")[1:]}
        assert ends == {first["id"]: "cancelled"}
        await f.road.close()
        ends = {e["ref"]: e["outcome"]["status"] for e in f.events("outcome")[1:]}
        assert ends == {first["id"]: "cancelled", second["id"]: "cancelled"}


async def test_a_fault_of_ours_amid_a_stream_ends_it_with_an_error_and_is_told_as_ours(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = stream(event(PROGRESS), ZeroDivisionError())
        reply = await f.ask(call(INBOXES))
        last = orjson.loads(reply.text.rstrip().rpartition("data: ")[2])
        assert last["error"]["code"] == -32603
        assert f.outcome["outcome"]["status"] == "sidecar_error"
        assert f.outcome["decision"]["reason"] == "internal"
