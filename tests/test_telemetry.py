"""Spans of what passed: by the conventions for MCP, and with nothing that somebody else chose."""

from __future__ import annotations

from typing import Any

import pytest
from flow import ask, call, flow, modern, result, tool_list, tool_result
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from settings_parts import CANARY

from sidecar import telemetry
from sidecar.errors import BackendTimedOut, Refusal
from sidecar.exchange import Exchange, trace_of
from sidecar.model import Reply
from sidecar.telemetry import Seen
from sidecar.telemetry.spans import spans

pytestmark = pytest.mark.anyio

READ = "get_single_gladly_customer_by_id"
WRITE = "create_a_gladly_customer"
GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Watched(list[Seen]):
    """What the road tells a trace of each exchange."""

    def ended(self, exchange: Exchange, status: str, refusal: Refusal | None) -> None:
        if exchange.message is not None:
            self.append(telemetry.seen(exchange, trace_of(exchange), status, refusal, 9e9))


def made(one: Seen) -> list[tuple[int, dict[str, str], int]]:
    """The spans of an exchange: kind, attributes, status."""
    return [(span.kind, tagged(span), span.status.code) for span in spans(one, 0)]


def tagged(span: Any) -> dict[str, str]:
    """The attributes of a span, a point or a resource."""
    return {one.key: one.value.string_value for one in span.attributes}


async def test_a_call_is_a_server_span_and_a_client_span_by_the_conventions(tmp_path):
    watched = Watched()
    async with flow(tmp_path, watches=(watched.ended,)) as f:
        f.backend.reply = tool_result({"id": "x"}, "req-7")
        body, headers = modern(call(READ, "req-7", id="x"))
        body["params"]["_meta"]["traceparent"] = GIVEN
        await f.ask(body, headers=headers)
        (one,) = watched
        (event, _) = f.events()
    common = {
        "mcp.method.name": "tools/call",
        "sidecar.account": "default",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": READ,
        "mcp.protocol.version": "2026-07-28",
    }
    own = {
        "sidecar.verdict": "allowed",
        "sidecar.event.id": event["id"],
        "jsonrpc.request.id": "req-7",
    }
    assert made(one) == [
        (Span.SPAN_KIND_SERVER, common | own, Status.STATUS_CODE_UNSET),
        (Span.SPAN_KIND_CLIENT, common, Status.STATUS_CODE_UNSET),
    ]
    server, client = spans(one, 0)
    assert server.name == client.name == f"tools/call {READ}"
    assert server.trace_id.hex() == client.trace_id.hex() == GIVEN[3:35]
    assert server.parent_span_id.hex() == GIVEN[36:52]
    assert client.parent_span_id == server.span_id
    assert server.span_id.hex() == event["trace"]["span_id"]
    order = (server.start_time_unix_nano, client.start_time_unix_nano, client.end_time_unix_nano)
    assert order == tuple(sorted(order))
    assert client.end_time_unix_nano < server.end_time_unix_nano


async def test_an_error_has_a_type_and_a_code_and_no_words(tmp_path):
    watched = Watched()
    async with flow(tmp_path, watches=(watched.ended,)) as f:
        f.backend.reply = BackendTimedOut(CANARY)
        await f.ask(call(READ, id="x"))
        f.backend.reply = result({"content": [{"type": "text", "text": CANARY}], "isError": True})
        await f.ask(call(READ, id="x"))
        f.backend.reply = Reply(429, (), CANARY.encode())
        await f.ask(call(READ, id="x"))
        error = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"c4n4ry-7d0f1e"}}'
        f.backend.reply = Reply(200, (("content-type", "application/json"),), error)
        await f.ask(call(READ, id="x"))
    server = [made(one)[0] for one in watched]
    assert [one[1]["error.type"] for one in server] == [
        "backend_timed_out",
        "tool_error",
        "429",
        "-32001",
    ]
    assert [one[1].get("rpc.response.status_code") for one in server] == [
        "-32603",
        None,
        None,
        "-32001",
    ]
    assert {one[2] for one in server} == {Status.STATUS_CODE_ERROR}
    assert [len(made(one)) for one in watched] == [2, 2, 2, 2]
    assert CANARY not in str([list(spans(one, 0)) for one in watched])


async def test_invariant_4_a_span_holds_nothing_that_a_caller_or_backend_chose(tmp_path):
    """(ours) Leak path 51: arguments, results, hidden and unknown tools, methods, ids, claims."""
    watched = Watched()
    async with flow(tmp_path, watches=(watched.ended,)) as f:
        f.backend.reply = tool_list(f"{CANARY}_listed", WRITE)
        await f.ask(ask("tools/list"), endpoint="read")
        f.backend.reply = tool_result({"note": CANARY})
        body, headers = modern(call(READ, "jane.roe@example.com", id=CANARY))
        body["params"]["_meta"] |= {"tracestate": CANARY, "traceparent": CANARY}
        await f.ask(body, headers=headers)
        await f.ask(call(WRITE, CANARY + " with spaces", name_=CANARY), endpoint="read")
        await f.ask(call(f"{CANARY}_unknown"))
        await f.ask(ask(f"{CANARY}/method"), headers={"mcp-protocol-version": CANARY})
        await f.ask(call(READ, id="x"), bearer="nonsense")
        assert len(watched) == 5
        names = [one.name for one in watched]
    shown = str([(one, list(spans(one, 0))) for one in watched])
    for secret in (CANARY, "jane.roe", WRITE, "agent-1", *f.tokens.values()):
        assert secret not in shown
    assert names == ["tools/list", f"tools/call {READ}", "tools/call", "tools/call", "_OTHER"]
