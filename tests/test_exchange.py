"""What a refused caller sees, row by row, and that the log knows the truth behind each.

Over 300 lines: one conversation for each way in which a message can be answered.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from engine_parts import Fixed
from flow import JSON, Flow, ask, call, flow, modern, result, token, tool_result
from hypothesis import given
from hypothesis import strategies as st

from sidecar import audit, jsonrpc
from sidecar.audit.space import Bounds
from sidecar.errors import BackendFailed, BackendTimedOut, Denied, OrganDown, Refusal
from sidecar.exchange import Exchange, Tally, answer
from sidecar.exchange.answers import EVENT_KEY, unknown_tool
from sidecar.identity import DenyList
from sidecar.model import Head, Reply

pytestmark = pytest.mark.anyio

READ = "list_all_gladly_tasks"
WRITE = "update_a_gladly_customer_by_id"
ID = "OOrlNMXeS72gs_WEX2TtMg"


def event_of(reply: Any) -> str:
    """The id under which a refusal can be looked up."""
    body = reply.json()
    meta = body["error"]["data"]["_meta"] if "error" in body else body["result"]["_meta"]
    found: str = meta[EVENT_KEY]
    return found


def recorded(f: Flow, reply: Any) -> Any:
    """The one record of a refusal, found as a person finds it: by the id that the refusal told."""
    (found,) = audit.show(f.log, event_of(reply))
    return found


def told(reply: Any, *besides: str) -> tuple[int, dict[str, str], str]:
    """All that a caller can see of a refusal, without what was asked and without the event's id."""
    text = reply.text
    for word in besides:
        text = text.replace(word, "…")
    text = re.sub(rf'"{re.escape(EVENT_KEY)}":"[^"]+"', "", text)
    headers = {k: v for k, v in reply.headers.items() if k != "content-length"}
    return reply.status_code, headers, text


def spoken(body: dict[str, Any], is_modern: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """A request in one of the two eras, with its headers."""
    return modern(body) if is_modern else (body, {})


# ---- 404: the same bytes, whatever the reason


async def _session(f: Flow) -> None:
    f.backend.reply = Reply(200, (*JSON, ("mcp-session-id", "s-1")), result({}).body)
    await f.ask(ask("initialize"), bearer=token(subject="agent-1"))


async def test_unknown_expired_revoked_and_anothers_are_the_same_404(tmp_path):
    async with flow(tmp_path) as f:
        await _session(f)
        f.tokens["unknown"] = "x" * 43
        other = token(subject="agent-2")
        theirs = {"mcp-session-id": "s-1"}
        f.denied = DenyList(endpoint=frozenset({"answers"}))
        replies = [
            await f.ask(ask("tools/list"), endpoint="answers"),
            await f.ask(ask("tools/list"), endpoint="answers", bearer=None),
            await f.ask(ask("tools/list"), endpoint="unknown"),
            await f.ask(ask("tools/list"), endpoint="unknown", bearer=None),
            await f.ask(ask("tools/list"), endpoint="expired"),
            await f.ask(ask("tools/list"), headers=theirs, bearer=other),
            await f.ask(b"", verb="DELETE", headers=theirs, bearer=other),
            await f.ask(b"", verb="GET", headers=theirs, bearer=other),
            await f.http.post("/elsewhere"),
        ]
        seen = {(r.status_code, tuple(sorted(r.headers.items())), r.content) for r in replies}
        assert len(seen) == 1
        assert replies[0].status_code == 404
        assert EVENT_KEY not in replies[0].text, "an id would tell one refusal from another"
        assert len(f.backend.sent) == 1
        late = [e["actor"]["auth_error"] for e in f.events() if "expired" in str(e["actor"])]
        assert late == ["endpoint_expired: expired"], "the log names the endpoint"
        assert "endpoint_revoked: answers" in str(f.events())


async def test_a_leaked_url_that_wants_a_bearer_token_is_401_and_an_event(tmp_path):
    async with flow(tmp_path) as f:
        reply = await f.ask(call(READ), bearer=None)
        assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
        (event,) = f.events()
        leaked = {"endpoint": "all", "auth_error": "no_token", "is_authenticated": False}
        assert event["actor"] == leaked
        for endpoint in ("all", "read", "read"):
            await f.ask(call(READ), endpoint=endpoint, bearer=None)
        await f.road.close()
        counted = [(e["actor"]["endpoint"], e["outcome"].get("count", 1)) for e in f.events()]
        assert counted == [("all", 1), ("read", 1), ("all", 1), ("read", 1)]
        assert event["outcome"]["status"] == "refused"
        assert f.tokens["all"] not in f.log.read_text() + reply.text
        assert f.backend.sent == []


async def test_a_session_serves_its_own_caller_after_a_new_token_and_until_it_ends(tmp_path):
    async with flow(tmp_path) as f:
        await _session(f)
        mine = {"mcp-session-id": "s-1"}
        assert (await f.ask(ask("tools/call"), headers=mine)).status_code == 400
        f.backend.reply = Reply(204)
        assert (await f.ask(b"", verb="DELETE", headers=mine)).status_code == 204


# ---- 401


@pytest.mark.parametrize("bearer", [None, "nonsense", token(audience="other")])
async def test_a_missing_or_bad_token_is_401_with_the_challenge(tmp_path, bearer):
    async with flow(tmp_path) as f:
        reply = await f.ask(call(READ), bearer=bearer)
        assert reply.status_code == 401
        challenge = "Bearer" if bearer is None else 'Bearer error="invalid_token"'
        assert reply.headers["www-authenticate"] == challenge
        assert "id" not in reply.json()
        assert recorded(f, reply)["actor"].keys() == {"auth_error", "endpoint", "is_authenticated"}


# ---- in band: unknown, hidden, refused


@pytest.mark.parametrize("is_modern", [False, True])
async def test_a_hidden_tool_looks_exactly_like_an_unknown_one(tmp_path, is_modern):
    async with flow(tmp_path) as f:
        replies = {}
        for name, request_id in ((WRITE, 7), ("no_such_tool", 8)):
            body, headers = spoken(call(name, request_id, id=ID), is_modern)
            reply = await f.ask(body, endpoint="read", headers=headers)
            replies[name] = told(reply, name, f'"id":{request_id}')
            found = recorded(f, reply)
            assert found["decision"]["reason"] == "tool_hidden"
            assert found["mcp"]["tool"] == name
            assert found["decision"]["denials"]
        hidden, unknown = replies.values()
        assert hidden == unknown
        assert hidden[0] == 200
        assert '"code":-32602' in hidden[2]


@pytest.mark.parametrize("is_modern", [False, True])
async def test_a_listed_tool_refused_for_its_arguments_is_an_error_the_model_can_read(
    tmp_path, is_modern
):
    async with flow(tmp_path) as f:
        masked = [{"original": "[EMAIL]"}]
        body, headers = spoken(call(WRITE, id=ID, emails=masked), is_modern)
        reply = await f.ask(body, headers=headers)
        said = reply.json()["result"]
        assert (reply.status_code, said["isError"]) == (200, True)
        assert said["content"][0]["text"].startswith("arguments.masked_values: ")
        assert said.get("resultType") == ("complete" if is_modern else None)
        found = recorded(f, reply)
        assert found["decision"]["reason"] == "arguments_refused"
        assert [d["code"] for d in found["decision"]["denials"]] == ["arguments.masked_values"]
        assert f.backend.sent == []


@pytest.mark.parametrize("method", ["prompts/get", "resources/read", "completion/complete", "x"])
@pytest.mark.parametrize(("is_modern", "status"), [(False, 200), (True, 404)])
async def test_a_method_that_is_not_passed_on_is_not_found_as_the_revision_says(
    tmp_path, method, is_modern, status
):
    async with flow(tmp_path) as f:
        body, headers = spoken(ask(method), is_modern)
        reply = await f.ask(body, headers=headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, -32601)
        assert recorded(f, reply)["decision"]["reason"] == "method_refused"


@pytest.mark.parametrize("is_modern", [False, True])
async def test_what_a_client_calls_itself_is_recorded_as_its_claim_and_decides_nothing(
    tmp_path, is_modern
):
    async with flow(tmp_path) as f:
        info = {"name": "Trusted Admin Console", "version": "1"}
        body, headers = spoken(call(WRITE, id=ID), is_modern)
        if is_modern:
            body["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = info
        else:
            body["params"]["clientInfo"] = info
        reply = await f.ask(body, endpoint="read", headers=headers)
        found = recorded(f, reply)
        assert found["mcp"]["claimed_client"] == "[withheld: 21 characters]"
        assert "client" not in found["actor"]
        assert found["decision"]["reason"] == "tool_hidden"
        body["params"]["_meta"] = body["params"].get("_meta", {}) | {
            "io.modelcontextprotocol/clientInfo": {"name": "claude-code"}
        }
        found = recorded(f, await f.ask(body, endpoint="read", headers=headers))
        assert found["mcp"]["claimed_client"] == "claude-code"


async def test_a_refused_notification_is_not_answered(tmp_path):
    async with flow(tmp_path) as f:
        reply = await f.ask({"jsonrpc": "2.0", "method": "notifications/odd"})
        assert (reply.status_code, reply.content) == (202, b"")
        assert f.outcome["decision"]["reason"] == "method_refused"


# ---- 400: what cannot be read in one way


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
        (orjson.dumps(ask("tools/call", name=1)), -32602),
    ],
)
async def test_what_is_no_single_request_is_400_and_found_in_the_log(tmp_path, raw, code):
    async with flow(tmp_path) as f:
        reply = await f.ask(raw)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
        assert recorded(f, reply)["outcome"]["status"] == "refused"
        assert f.backend.sent == []


# ---- 502, 503, 504: ours and the backend's failures


async def test_a_broken_engine_is_503_with_the_requests_id_and_never_an_unknown_tool(tmp_path):
    async with flow(tmp_path, Fixed(None)) as f:
        reply = await f.ask(call(READ, "an-id", customer_id="x"))
        body = reply.json()
        assert (reply.status_code, body["error"]["code"], body["id"]) == (503, -32603, "an-id")
        assert "nknown tool" not in reply.text
        found = recorded(f, reply)
        assert found["decision"]["result"] == "error"
        assert found["outcome"]["status"] == "sidecar_error"


async def test_an_audit_log_that_cannot_be_written_is_503_with_the_requests_id(
    tmp_path, monkeypatch
):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result([])
        monkeypatch.setattr(f.writer._space, "bounds", Bounds(10))
        reply = await f.ask(call(READ, 5, customer_id="x"))
        body = reply.json()
        assert (reply.status_code, body["error"]["code"], body["id"]) == (503, -32603, 5)
        assert f.backend.sent == []


@pytest.mark.parametrize(
    ("failure", "status", "ending"),
    [
        (BackendFailed("b1oken"), 502, "backend_error"),
        (BackendTimedOut("t1red"), 504, "timeout"),
        (OrganDown("our own"), 503, "sidecar_error"),
    ],
)
async def test_a_failure_is_told_without_its_words_and_booked_as_whose_it_was(
    tmp_path, failure, status, ending
):
    async with flow(tmp_path) as f:
        f.backend.reply = failure
        reply = await f.ask(call(READ, 6, customer_id="x"))
        body = reply.json()
        assert (reply.status_code, body["error"]["code"], body["id"]) == (status, -32603, 6)
        assert str(failure) not in reply.text
        intent, outcome = audit.show(f.log, event_of(reply))
        assert outcome["ref"] == intent["id"] == event_of(reply)
        assert outcome["outcome"]["status"] == ending


async def test_a_fault_of_ours_is_told_by_its_id_alone(tmp_path):
    async with flow(tmp_path) as f:

        async def broken(*_: object) -> Reply:
            raise ZeroDivisionError("jane.roe@example.com")

        f.backend.reply = broken
        reply = await f.ask(call(READ, 6, customer_id="x"))
        assert reply.status_code == 500
        assert "jane" not in reply.text + f.log.read_text()
        assert "ZeroDivision" not in reply.text
        _, outcome = audit.show(f.log, event_of(reply))
        assert outcome["outcome"]["status"] == "sidecar_error"


# ---- the parts


def exchange(body: Any = None) -> Exchange:
    async def read_body() -> bytes:
        raise AssertionError("not read")

    made = Exchange("event-1", Head("POST", "/mcp", ()), read_body, Tally(), 0.0)
    return made._replace(message=jsonrpc.message(body)) if body else made


@given(
    kind=st.sampled_from([Refusal, OrganDown, BackendFailed, Denied]),
    detail=st.text(min_size=1).filter(lambda text: len(text) > 8),
)
def test_no_refusal_shows_its_detail(kind, detail):
    reply = answer(exchange(ask("ping")), kind(detail))
    assert detail not in reply.body.decode()
    assert reply.status == kind.status


@given(name=st.text(st.characters(codec="utf-8"), max_size=30))
def test_the_refusal_of_an_unknown_tool_depends_on_its_name_alone(name):
    reply = answer(exchange(call(name)), unknown_tool(name))
    assert orjson.loads(reply.body)["error"] == {
        "code": -32602,
        "message": f"Unknown tool: {name}",
        "data": {"_meta": {EVENT_KEY: "event-1"}},
    }
