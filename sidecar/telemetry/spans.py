"""An exchange as spans: SERVER for the message, CLIENT for what was sent to the backend.

Names and attributes follow the conventions for MCP and GenAI. Text that a caller chose is left out
unless it is one of a closed list or has the form of a name.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from sidecar.catalog import EXITS
from sidecar.errors import Refusal
from sidecar.exchange import Exchange, Trace, shown_name
from sidecar.metrics import account_of, verdict_of
from sidecar.model import Tool
from sidecar.pipeline.judgment import PASSED_NOTIFICATIONS, PASSED_REQUESTS

_METHODS: Final = PASSED_REQUESTS | PASSED_NOTIFICATIONS | frozenset(EXITS)
_REVISION: Final = re.compile(r"20\d{2}-\d{2}-\d{2}")
_CALL: Final = "tools/call"
_OTHER: Final = "_OTHER"
"""What the conventions call a method that they do not know."""

_SAMPLED: Final = 1


class Seen(NamedTuple):
    """What a trace tells of one exchange. Times are monotonic seconds; `left` is 0 without a call.

    `came` is when the backend's answer was there: for a stream, when it had ended.
    """

    trace: Trace
    name: str
    started: float
    ended: float
    left: float
    came: float
    common: Mapping[str, str]
    own: Mapping[str, str]
    error: str


def seen(
    exchange: Exchange, trace: Trace, status: str, refusal: Refusal | None, now: float
) -> Seen:
    """Take from an exchange that has ended what its spans tell."""
    message, tally = exchange.message, exchange.tally
    method = exchange.method if exchange.method in _METHODS else _OTHER
    shown = _shown_tool(exchange)
    common: dict[str, str] = {
        "mcp.method.name": method,
        "sidecar.account": account_of(exchange),
    }
    if method == _CALL:
        common["gen_ai.operation.name"] = "execute_tool"
    if shown is not None:
        common["gen_ai.tool.name"] = shown.name
    if _REVISION.fullmatch(exchange.protocol):
        common["mcp.protocol.version"] = exchange.protocol
    own: dict[str, str] = {
        "sidecar.verdict": verdict_of(exchange, status),
        "sidecar.event.id": exchange.id,
    }
    request_id = str(message.id) if message is not None and message.id is not None else ""
    if request_id and shown_name(request_id) == request_id:
        own["jsonrpc.request.id"] = request_id
    code = refusal.code if refusal is not None else tally.error_code
    if code is not None:
        own["rpc.response.status_code"] = str(code)
    is_whole = exchange.received and (exchange.reply is None or exchange.reply.stream is None)
    return Seen(
        trace=trace,
        name=f"{method} {shown.name}" if shown is not None else method,
        started=exchange.started,
        ended=now,
        left=tally.left,
        came=exchange.received if is_whole else now,
        common=common,
        own=own,
        error=_error(exchange, status, refusal),
    )


def _shown_tool(exchange: Exchange) -> Tool | None:
    """The called tool, if the catalog knows it and its caller may know of it."""
    tool, verdict = exchange.tool, exchange.verdict
    if tool is None or not tool.is_known or exchange.method != _CALL:
        return None
    return tool if verdict is not None and not verdict.is_hidden else None


def _error(exchange: Exchange, status: str, refusal: Refusal | None) -> str:
    """The `error.type`: a reason of ours, or what the backend answered; empty if there is none."""
    if refusal is not None:
        return refusal.reason
    if status == "rate_limited":
        return "429"
    if exchange.tally.error_code is not None:
        return str(exchange.tally.error_code)
    return "" if status in {"ok", "stream_ended"} else status


def spans(one: Seen, offset: int) -> Iterable[Span]:
    """The spans of one exchange; `offset` makes Unix nanoseconds of monotonic ones."""
    trace = one.trace
    server = _span(one, one.started, one.ended, offset)
    server.kind = Span.SPAN_KIND_SERVER
    server.span_id = bytes.fromhex(trace.span_id)
    server.parent_span_id = bytes.fromhex(trace.parent_id)
    server.attributes.extend(attributes(one.own))
    yield server
    if one.left:
        client = _span(one, one.left, one.came, offset)
        client.kind = Span.SPAN_KIND_CLIENT
        client.span_id = secrets.token_bytes(8)
        client.parent_span_id = server.span_id
        yield client


def _span(one: Seen, started: float, ended: float, offset: int) -> Span:
    span = Span(
        trace_id=bytes.fromhex(one.trace.trace_id),
        name=one.name,
        start_time_unix_nano=offset + int(started * 1e9),
        end_time_unix_nano=offset + int(ended * 1e9),
        attributes=attributes(one.common),
        flags=_SAMPLED,
    )
    if one.error:
        # Without a description: it would be an error's text.
        span.status.code = Status.STATUS_CODE_ERROR
        span.attributes.extend(attributes({"error.type": one.error}))
    return span


def attributes(values: Mapping[str, str]) -> list[KeyValue]:
    """Attributes as OTLP writes them."""
    return [KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in values.items()]
