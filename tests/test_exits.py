"""What is no tool: prompts, resources, completions, tasks, and what a backend asks of an agent."""

from __future__ import annotations

import orjson
import pytest
from flow import ask, call, event, flow, modern, result, stream, token, tool_result

from sidecar.catalog import EXITS, TO_AGENT, TO_BACKEND
from sidecar.model import Reply

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]

READ = "list_all_gladly_tasks"
QUESTION = ask("elicitation/create", "q1", message="Call +14155552671?", requestedSchema={})
SESSION = {"mcp-session-id": "s-1"}


async def in_session(f, endpoint="all", bearer=""):
    """A handshake, so that the session belongs to its caller."""
    hello = result({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}})
    f.backend.reply = Reply(200, (*hello.headers, ("mcp-session-id", "s-1")), hello.body)
    await f.ask(ask("initialize"), endpoint=endpoint, bearer=bearer)
    f.backend.sent.clear()


@pytest.mark.parametrize("method", sorted(TO_BACKEND))
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_an_exit_that_nobody_named_is_an_unknown_method(tmp_path, method, era):
    body, headers = (ask(method), {}) if era == "legacy" else modern(ask(method))
    if era == "modern" and method in {"prompts/get", "resources/read"}:
        key = "name" if method == "prompts/get" else "uri"
        body["params"][key] = headers["mcp-name"] = "x"
    async with flow(tmp_path) as f:
        reply = await f.ask(body, headers=headers)
        assert reply.status_code == (200 if era == "legacy" else 404)
        assert reply.json()["error"]["code"] == -32601
        assert f.backend.sent == []
        assert "access.exits" in {d["code"] for d in f.outcome["decision"]["denials"]}


@pytest.mark.parametrize("method", ["nonsense", "tools/Call", "server/reboot", *sorted(TO_AGENT)])
async def test_any_other_method_is_unknown_to_everybody(tmp_path, method):
    async with flow(tmp_path, passed=list(EXITS)) as f:
        reply = await f.ask(ask(method))
        assert reply.json()["error"]["code"] == -32601
        assert f.backend.sent == []


async def test_an_exit_that_the_site_names_passes_and_its_result_is_masked(tmp_path):
    async with flow(tmp_path, passed=["resources/read"]) as f:
        f.backend.reply = result({"contents": [{"uri": "a:b", "text": "mail jane@example.com"}]})
        reply = await f.ask(ask("resources/read", uri="a:b"))
        assert reply.json()["result"]["contents"][0]["text"] == "mail [EMAIL]"
        assert f.outcome["data"]["masked"] == {"EMAIL": 1}
        assert f.outcome["mcp"]["tool"] == "resources/read"


async def test_a_named_exit_is_still_held_to_the_endpoints_methods_and_tags(tmp_path):
    async with flow(tmp_path, passed=["tasks/cancel", "prompts/list"]) as f:
        for body, endpoint in ((ask("tasks/cancel"), "read"), (ask("prompts/list"), "answers")):
            reply = await f.ask(body, endpoint=endpoint)
            assert reply.json()["error"]["code"] == -32601
        assert f.backend.sent == []


@pytest.mark.parametrize(
    ("method", "era", "code"),
    [
        ("prompts/get", "legacy", -32602),
        ("prompts/get", "modern", -32602),
        ("resources/read", "legacy", -32002),
        ("resources/read", "modern", -32602),
        ("completion/complete", "legacy", -32602),
        ("tasks/cancel", "legacy", -32602),
    ],
)
async def test_a_passed_exit_that_is_refused_for_its_arguments_is_as_not_found(
    tmp_path, method, era, code
):
    """The method is there, as its other uses show; which rule refused is the audit log's."""
    key = "uri" if method == "resources/read" else "name"
    asked = ask(method, **{key: "of 4111 1111 1111 1111"})
    body, headers = (asked, {}) if era == "legacy" else modern(asked)
    if era == "modern":
        headers["mcp-name"] = asked["params"][key]
    async with flow(tmp_path, passed=[method]) as f:
        reply = await f.ask(body, headers=headers)
        assert reply.status_code == 200
        assert (reply.json()["error"]["code"], reply.json()["error"]["message"]) == (
            code, "Not found."
        )  # fmt: skip
        assert f.outcome["decision"]["reason"] == "unfound"
        assert "arguments.personal_data" in {d["code"] for d in f.outcome["decision"]["denials"]}
        assert f.backend.sent == []


async def test_a_card_number_does_not_leave_through_an_exit(tmp_path):
    async with flow(tmp_path, passed=["completion/complete"]) as f:
        argument = {"name": "x", "value": "4111 1111 1111 1111"}
        await f.ask(ask("completion/complete", ref={"type": "ref/prompt"}, argument=argument))
        assert f.backend.sent == []


async def test_a_lists_cache_belongs_to_one_caller(tmp_path):
    async with flow(tmp_path, passed=["resources/list"]) as f:
        f.backend.reply = result({"resources": [], "ttlMs": 10**9, "cacheScope": "public"})
        body, headers = modern(ask("resources/list"))
        shown = (await f.ask(body, headers=headers)).json()["result"]
        assert (shown["cacheScope"], shown["ttlMs"]) == ("private", 60_000)


async def test_a_refused_question_is_answered_in_the_agents_place_and_never_shown(tmp_path):
    answer = orjson.loads(tool_result({"result": []}).body)
    async with flow(tmp_path) as f:
        await in_session(f)

        async def backend(_verb: str, _headers: object, body: bytes) -> Reply:
            if b"elicitation" in body or b'"error"' in body:
                return Reply(202)
            return stream(event(QUESTION), event(answer))

        f.backend.reply = backend
        reply = await f.ask(call(READ, customer_id="x"), headers=SESSION)
        assert "elicitation" not in reply.text
        assert orjson.loads(reply.text.split("data: ")[1])["id"] == 1
        (_, _, told) = f.backend.sent[-1]
        assert told == {
            "jsonrpc": "2.0",
            "id": "q1",
            "error": {"code": -32601, "message": "Method not found"},
        }
        assert f.backend.sent[-1][1]["mcp-session-id"] == "s-1"


async def test_a_question_that_the_site_passes_reaches_the_agent_masked(tmp_path):
    answer = orjson.loads(tool_result({"result": []}).body)
    async with flow(tmp_path, passed=["elicitation/create"]) as f:
        await in_session(f)
        f.backend.reply = stream(event(QUESTION), event(answer))
        reply = await f.ask(call(READ, customer_id="x"), headers=SESSION)
        asked = orjson.loads(reply.text.split("data: ")[1].split("\n")[0])
        assert asked["method"] == "elicitation/create"
        assert asked["params"]["message"] == "Call [PHONE:…2671]?"


async def test_an_answer_is_let_through_once_and_only_from_the_caller_who_was_asked(tmp_path):
    answer = orjson.loads(tool_result({"result": []}).body)
    said = {"jsonrpc": "2.0", "id": "q1", "result": {"action": "accept", "content": {}}}
    async with flow(tmp_path, passed=["elicitation/create"]) as f:
        await in_session(f)
        f.backend.reply = stream(event(QUESTION), event(answer))
        await f.ask(call(READ, customer_id="x"), headers=SESSION)
        f.backend.reply = Reply(202)
        other = await f.ask(said, headers=SESSION, bearer=token(subject="somebody-else"))
        assert other.status_code == 404
        assert (await f.ask({**said, "id": "q2"}, headers=SESSION)).status_code == 400
        f.backend.sent.clear()
        assert (await f.ask(said, headers=SESSION)).status_code == 202
        assert f.backend.sent[0][2] == said
        assert (await f.ask(said, headers=SESSION)).status_code == 400
        assert len(f.backend.sent) == 1


async def test_an_answer_that_holds_a_card_number_is_refused_and_the_agent_is_told(tmp_path):
    answer = orjson.loads(tool_result({"result": []}).body)
    content = {"card": "4111 1111 1111 1111"}
    said = {"jsonrpc": "2.0", "id": "q1", "result": {"action": "accept", "content": content}}
    async with flow(tmp_path, passed=["elicitation/create"]) as f:
        await in_session(f)
        f.backend.reply = stream(event(QUESTION), event(answer))
        await f.ask(call(READ, customer_id="x"), headers=SESSION)
        f.backend.sent.clear()
        assert (await f.ask(said, headers=SESSION)).status_code == 400
        assert f.backend.sent == []
        refused = f.events("outcome")[-1]
        assert refused["mcp"]["tool"] == "elicitation/create"
        assert "arguments.personal_data" in {d["code"] for d in refused["decision"]["denials"]}


async def test_an_answer_that_nobody_waits_for_is_refused(tmp_path):
    async with flow(tmp_path, passed=list(EXITS)) as f:
        said = {"jsonrpc": "2.0", "id": "q1", "result": {}}
        assert (await f.ask(said)).status_code == 400
        assert f.backend.sent == []


@pytest.mark.parametrize(
    "questions",
    [
        {"a": {"method": "elicitation/create", "params": {}}},
        {"a": {"method": "nonsense", "params": {}}},
        {"a": "elicitation/create"},
        {"a": {"method": "roots/list", "params": []}},
        ["elicitation/create"],
    ],
)
async def test_a_result_that_asks_what_may_not_be_asked_is_refused_whole(tmp_path, questions):
    async with flow(tmp_path) as f:
        f.backend.reply = result({"resultType": "input_required", "inputRequests": questions})
        body, headers = modern(call(READ, customer_id="x"))
        reply = await f.ask(body, headers=headers)
        assert reply.status_code == 502
        assert "inputRequests" not in reply.text


async def test_a_result_that_asks_what_the_site_passes_goes_on_with_its_state_untouched(tmp_path):
    question = {"method": "elicitation/create", "params": {"message": "a@example.com?"}}
    state = "opaque jane@example.com state"
    async with flow(tmp_path, passed=["elicitation/create"]) as f:
        f.backend.reply = result(
            {
                "resultType": "input_required",
                "inputRequests": {"a": question},
                "requestState": state,
            }
        )
        body, headers = modern(call(READ, customer_id="x"))
        shown = (await f.ask(body, headers=headers)).json()["result"]
        assert shown["requestState"] == state
        assert shown["inputRequests"]["a"]["params"]["message"] == "[EMAIL]?"


async def test_the_answers_of_a_retried_call_are_scanned_too(tmp_path):
    async with flow(tmp_path) as f:
        body, headers = modern(call(READ, customer_id="x"))
        body["params"]["inputResponses"] = {"a": {"content": {"card": "4111 1111 1111 1111"}}}
        reply = await f.ask(body, headers=headers)
        assert reply.json()["result"]["isError"] is True
        assert f.backend.sent == []


async def test_a_result_on_a_resumed_stream_is_masked_as_the_call_that_waits_for_it(tmp_path):
    """(spec) A server may close a call's stream early and give the result to a GET."""
    primed = b"id: 1\nretry: 10\ndata:\n\n"
    answer = orjson.loads(tool_result({"result": [{"id": "x", "name": "Jane Roe"}]}).body)
    async with flow(tmp_path) as f:
        await in_session(f)
        f.backend.reply = stream(primed)
        name = "list_all_gladly_customers"
        first = await f.ask(call(name, phoneNumber="+14155552671"), headers=SESSION)
        assert "error" not in first.text
        f.backend.reply = stream(event(answer))
        resumed = await f.ask(b"", verb="GET", headers={**SESSION, "last-event-id": "1"})
        shown = orjson.loads(resumed.text.split("data: ")[1].split("\n")[0])
        assert shown["result"]["structuredContent"]["result"][0]["name"] == "[NAME]"
        f.backend.reply = stream(event(answer))
        again = await f.ask(b"", verb="GET", headers={**SESSION, "last-event-id": "1"})
        assert "Jane" not in again.text
        assert '"error"' in again.text
