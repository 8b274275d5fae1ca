"""Where an exchange stands in a distributed trace (W3C Trace Context; MCP SEP-414).

The span's id, and without a caller's context the trace's as well, are digits of the exchange's own
id in the audit log: so a span leads to its event without a table in between.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sidecar import redaction
from sidecar.exchange.state import Exchange
from sidecar.model import JsonObject

_PARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
"""Version 00, the only one there is; of another one nobody knows what it says."""

_SAMPLED: Final = 1
_KEY: Final = "traceparent"


class Trace(NamedTuple):
    """Ids in lower-case hex. `parent_id` is the caller's span, empty if it named none.

    `is_sampled` is the caller's own decision, None if it made none.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    is_sampled: bool | None = None


def trace_of(exchange: Exchange) -> Trace:
    """The trace that the body names in `_meta`, else the header, else one of our own.

    A caller chooses these digits, so that ids in which personal data is found are not taken up, nor
    a trace's without one letter: by chance there is none in three million.
    """
    own = exchange.id.replace("-", "")
    match = _PARENT.fullmatch(_given(exchange))
    if match is None or match[1].isdecimal() or redaction.scrub(match[0]) != match[0]:
        return Trace(own, own[16:])
    return Trace(match[1], own[16:], match[2], bool(int(match[3], 16) & _SAMPLED))


def section(exchange: Exchange) -> JsonObject:
    """The section `trace` of an event; empty for what is no message, for which no span is made."""
    if exchange.message is None:
        return {}
    trace = trace_of(exchange)
    found = {"trace_id": trace.trace_id, "span_id": trace.span_id}
    return found | {"parent_id": trace.parent_id} if trace.parent_id else found


def _given(exchange: Exchange) -> str:
    meta = exchange.message.params.get("_meta") if exchange.message else None
    given = meta.get(_KEY) if isinstance(meta, dict) else None
    return given if isinstance(given, str) else exchange.head.get(_KEY)
