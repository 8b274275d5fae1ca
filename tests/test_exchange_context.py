"""Where a message stands in a distributed trace, and what of that is written down."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import orjson
import pytest
from flow import ask, call, flow, modern, tool_result
from hypothesis import given
from hypothesis import strategies as st

from sidecar import audit
from sidecar.exchange import Exchange, Tally, trace_of
from sidecar.model import Head, Message

pytestmark = pytest.mark.anyio

ID = "01989c1e-7a40-7b2c-9d3e-0123456789ab"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"
SCHEMA = Path(audit.__file__).parent / "event.schema.json"
READ = "get_single_gladly_customer_by_id"


def exchange(header: str = "", meta: object = None) -> Exchange:
    """An exchange whose caller sent a trace context in its header, its body, or neither."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": meta}}
    headers = (("traceparent", header),) if header else ()
    message = Message("request", body, b"", "ping", 1)

    async def nothing() -> bytes:
        return b""

    return Exchange(ID, Head("POST", "/mcp", headers), nothing, Tally(), 0.0, message=message)


def test_without_a_callers_context_the_ids_are_digits_of_the_events_own():
    trace = trace_of(exchange())
    assert trace.trace_id == ID.replace("-", "")
    assert trace.span_id == "9d3e0123456789ab"
    assert (trace.parent_id, trace.is_sampled) == ("", None)


@pytest.mark.parametrize(
    "made", [exchange(GIVEN), exchange(meta={"traceparent": GIVEN})], ids=["header", "body"]
)
def test_a_callers_context_is_continued(made):
    trace = trace_of(made)
    assert (trace.trace_id, trace.parent_id, trace.is_sampled) == (TRACE, SPAN, True)
    assert trace.span_id == "9d3e0123456789ab"


def test_the_body_wins_over_the_header_and_says_whether_it_is_sampled():
    other = f"00-{'a' * 32}-{'b' * 16}-01"
    trace = trace_of(exchange(other, {"traceparent": GIVEN[:-2] + "00"}))
    assert (trace.trace_id, trace.is_sampled) == (TRACE, False)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "nonsense",
        GIVEN.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01",
        f"{GIVEN}-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{GIVEN}\n",
        f"00-{TRACE}-4111111111111111-01",
        f"00-{'0' * 16}4111111111111111-{SPAN}-01",
    ],
)
def test_what_is_no_context_or_holds_personal_data_begins_a_trace_of_our_own(given):
    trace = trace_of(exchange(meta={"traceparent": given}))
    assert (trace.trace_id, trace.parent_id) == (ID.replace("-", ""), "")


@pytest.mark.parametrize("meta", [None, 1, [], {"traceparent": 7}, {"traceparent": {}}])
def test_a_context_of_another_type_is_none(meta):
    assert trace_of(exchange(meta=meta)).parent_id == ""


async def test_the_first_event_about_a_message_tells_its_place_in_the_trace(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"id": "x"})
        body, headers = modern(call(READ, id="x"))
        body["params"]["_meta"]["traceparent"] = GIVEN
        await f.ask(body, headers=headers)
        intent, outcome = f.events()
        span = intent["id"].replace("-", "")[16:]
        assert intent["trace"] == {"trace_id": TRACE, "span_id": span, "parent_id": SPAN}
        assert "trace" not in outcome
        assert f.backend.sent[-1][2]["params"]["_meta"]["traceparent"] == GIVEN
        assert "traceparent" not in f.backend.sent[-1][1]


async def test_a_refused_message_is_told_of_too_and_a_stranger_is_none(tmp_path):
    async with flow(tmp_path) as f:
        await f.ask(ask("no/such"), headers={"traceparent": GIVEN})
        assert f.outcome["trace"]["trace_id"] == TRACE
        await f.ask(ask("ping"), headers={"traceparent": GIVEN}, bearer="nonsense")
        assert "trace" not in f.events("outcome")[-1]
        schema = orjson.loads(SCHEMA.read_bytes())
        for line in f.log.read_bytes().splitlines():
            jsonschema.validate(orjson.loads(line), schema)


@given(st.text() | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"))
def test_whatever_a_caller_sends_the_ids_are_whole(given):
    trace = trace_of(exchange(meta={"traceparent": given}))
    assert re.fullmatch(r"[0-9a-f]{32} [0-9a-f]{16}", f"{trace.trace_id} {trace.span_id}")
    assert re.fullmatch(r"([0-9a-f]{16})?", trace.parent_id)
