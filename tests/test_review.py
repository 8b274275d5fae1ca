"""What an attacker found, each as the conversation that showed it."""

from __future__ import annotations

import orjson
import pytest
from flow import ask, call, event, flow, modern, result, stream, tool_result

from sidecar.catalog import Pins, Reviewed
from sidecar.errors import OrganDown
from sidecar.model import Reply

pytestmark = [pytest.mark.thorough, pytest.mark.anyio]

READ, WRITE = "list_all_gladly_tasks", "create_a_gladly_task"


@pytest.mark.parametrize("method", ["tools/call", "tools/list", "initialize", "prompts/list"])
async def test_a_request_sent_as_a_notification_goes_nowhere_and_is_recorded(tmp_path, method):
    """(JSON-RPC) A backend may execute a notification."""
    async with flow(tmp_path, passed=["prompts/list"]) as f:
        body = {k: v for k, v in ask(method, name=WRITE, arguments={}).items() if k != "id"}
        assert (await f.ask(body)).status_code == 202
        assert f.backend.sent == []
        assert f.outcome["outcome"]["status"] == "refused"


async def test_a_notification_sent_as_a_request_goes_nowhere(tmp_path):
    async with flow(tmp_path) as f:
        reply = await f.ask(ask("notifications/cancelled", requestId=1))
        assert reply.json()["error"]["code"] == -32601
        assert f.backend.sent == []


async def test_a_refusal_with_long_arguments_leaves_its_record(tmp_path):
    """An event that is too long to be written must not be a way to leave no trace."""
    async with flow(tmp_path) as f:
        many = {f"k{n}": " " for n in range(30_000)}
        reply = await f.ask(call(WRITE, **many), endpoint="read")
        assert "Unknown tool" in reply.text
        assert f.outcome["decision"]["denials"]
        assert len(f.log.read_bytes()) < 100_000


async def test_a_result_about_many_customers_leaves_its_outcome(tmp_path):
    async with flow(tmp_path) as f:
        records = [{"id": f"{n:022d}"} for n in range(20_000)]
        f.backend.reply = tool_result({"result": records})
        reply = await f.ask(call("list_all_gladly_customers", phoneNumber="x"))
        assert reply.status_code == 200
        data = f.outcome["data"]
        assert (len(data["subjects"]), data["subjects_total"]) == (500, 20_000)


async def test_an_outcome_that_could_not_be_written_is_tried_again_as_a_refusal(
    tmp_path, monkeypatch
):
    async with flow(tmp_path) as f:
        record = f.writer.record
        failed: list[object] = []

        async def once(made: object, *, is_synced: bool = False) -> None:
            if getattr(made, "stage", "") == "outcome" and not failed:
                failed.append(made)
                raise OrganDown("once", reason="audit_unwritable")
            await record(made, is_synced=is_synced)  # type: ignore[arg-type]  # any event

        monkeypatch.setattr(f.writer, "record", once)
        f.backend.reply = tool_result({"result": []})
        assert (await f.ask(call(READ, customer_id="x"))).status_code == 503
        assert f.outcome["decision"]["reason"] == "audit_unwritable"


@pytest.mark.parametrize("method", ["tools/list", "server/discover", "initialize"])
async def test_questions_beside_a_list_are_questions(tmp_path, method):
    async with flow(tmp_path) as f:
        asked = {"a": {"method": "elicitation/create", "params": {"message": "PIN?"}}}
        f.backend.reply = result({"tools": [], "inputRequests": asked})
        body, headers = modern(ask(method))
        assert "PIN?" not in (await f.ask(body, headers=headers)).text


async def test_a_list_of_tools_in_any_other_answer_is_refused(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = result({"tools": [{"name": WRITE}]})
        body, headers = modern(ask("server/discover"))
        reply = await f.ask(body, headers=headers, endpoint="read")
        assert (reply.status_code, WRITE in reply.text) == (502, False)


@pytest.mark.parametrize(
    "members", [{"note": "mail jane@example.com"}, {"all": [{"name": WRITE}]}, {"hint": WRITE}]
)
async def test_words_beside_a_list_do_not_pass(tmp_path, members):
    async with flow(tmp_path) as f:
        f.backend.reply = result({"tools": [{"name": READ}], **members})
        reply = await f.ask(ask("tools/list"), endpoint="read")
        assert [w for w in ("jane@example.com", WRITE) if w in reply.text] == []


async def test_a_wrapper_with_more_than_it_takes_is_refused(tmp_path):
    async with flow(tmp_path, is_discovery=True) as f:
        inside = {"tool_name": READ, "arguments": {}, "TOOL_NAME": WRITE}
        assert (await f.ask(call("call_tool", **inside))).status_code == 400
        assert f.backend.sent == []


async def test_a_search_that_names_a_card_is_refused_and_told(tmp_path):
    async with flow(tmp_path, is_discovery=True) as f:
        reply = await f.ask(call("search_tools", query="card 4111 1111 1111 1111"))
        assert "discovery.personal_data" in reply.json()["result"]["content"][0]["text"]
        assert f.backend.sent == []


async def test_a_flood_of_what_the_edge_refuses_is_counted_too(tmp_path):
    async with flow(tmp_path) as f:
        for _ in range(20):
            await f.ask(ask("ping"), headers={"host": "evil.example"})
            await f.ask(ask("ping"), headers={"content-type": "text/plain"})
        assert len(f.events()) == 2


async def test_names_that_somebody_else_chose_are_not_written_down(tmp_path):
    async with flow(tmp_path) as f:
        tools = [{"name": "Jane Roe +1 415 555 2671"}, {"name": "jane.roe@example.com"}]
        f.backend.reply = result({"tools": tools})
        await f.ask(ask("tools/list"), bearer=token_with_role("owner:jane.roe@example.com"))
        assert [w for w in ("Jane", "jane.roe") if w in f.log.read_text()] == []


def token_with_role(role):
    from flow import token

    return token(roles=(role,))


async def test_a_ping_of_the_backend_is_answered_here_and_not_shown(tmp_path):
    answer = orjson.loads(tool_result({"result": []}).body)
    ping = ask("ping", "p-1", note="mail jane@example.com")
    async with flow(tmp_path) as f:

        async def backend(_verb: str, _headers: object, body: bytes) -> Reply:
            return Reply(202) if b"p-1" in body else stream(event(ping), event(answer))

        f.backend.reply = backend
        reply = await f.ask(call(READ, customer_id="x"))
        assert "ping" not in reply.text
        assert f.backend.sent[-1][2] == {"jsonrpc": "2.0", "id": "p-1", "result": {}}


async def test_an_agents_error_answer_is_scanned_like_any_other(tmp_path):
    answer = orjson.loads(tool_result({"result": []}).body)
    error = {"code": 1, "message": "card 4111 1111 1111 1111"}
    async with flow(tmp_path, passed=["elicitation/create"]) as f:
        f.backend.reply = stream(event(ask("elicitation/create", "q")), event(answer))
        await f.ask(call(READ, customer_id="x"))
        f.backend.sent.clear()
        said = {"jsonrpc": "2.0", "id": "q", "error": error}
        assert (await f.ask(said)).status_code == 400
        assert f.backend.sent == []


async def test_the_ids_and_types_of_empty_events_say_nothing(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = stream(b"id: Jane Roe jane@example.com\nevent: message\ndata:\n\n")
        reply = await f.ask(b"", verb="GET")
        assert "jane" not in reply.text.lower()


def test_a_tool_that_is_listed_in_two_forms_is_not_pinned():
    from flow import CATALOG

    accepted = {"name": READ, "description": "Lists tasks."}
    for entries in ([accepted | {"description": "evil"}, accepted], [accepted, {"name": READ}]):
        reviewed = Reviewed(CATALOG, Pins.of([accepted]))
        reviewed.see(entries)
        assert not reviewed.find(READ).is_pinned
        assert reviewed.drift.changed == (READ,)


async def test_headers_of_the_stateless_era_do_not_ride_on_a_get(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = stream(b": hi\n\n")
        await f.ask(b"", verb="GET", headers={"mcp-param-secret": "jane@example.com"})
        assert "mcp-param-secret" not in f.backend.sent[0][1]
