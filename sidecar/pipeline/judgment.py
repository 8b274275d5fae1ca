"""From a decision to a refusal, or to silence when the message may go on (invariants 2 and 7)."""

from __future__ import annotations

from typing import Final

from sidecar.catalog import EXITS
from sidecar.exchange import Exchange, answers
from sidecar.model import Denial

PASSED_REQUESTS: Final = frozenset(
    {
        "initialize",
        "ping",
        "server/discover",
        "tools/list",
        "tools/call",
        "logging/setLevel",
        "subscriptions/listen",
    }
)
"""The protocol's own bookkeeping, and tools, which pass only with a verdict."""

PASSED_NOTIFICATIONS: Final = frozenset(
    {
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
    }
)
"""Notifications of a client that travel on."""


_SEARCH: Final = Denial(
    tool="search_tools",
    code="discovery.personal_data",
    message="A search for tools holds personal data or a secret.",
    remedy="Describe what the tool should do, without naming a person.",
    group="sealed",
)


def refuse_by(exchange: Exchange) -> None:
    """Raise what the decision amounts to.

    Raises:
        Denied: the method is passed by nobody, or the verdict refuses the tool or exit.
    """
    message, verdict = exchange.message, exchange.verdict
    if message is None:
        return
    if message.kind == "notification" and message.method not in PASSED_NOTIFICATIONS:
        raise answers.unknown_method(exchange)
    if verdict is None:
        if message.kind == "request" and message.method not in PASSED_REQUESTS:
            raise answers.unknown_method(exchange)
        if exchange.is_listing and exchange.findings:
            raise answers.refused_call(exchange, (_SEARCH,))
        return
    if verdict.is_allowed:
        return
    if verdict.tool in EXITS:
        is_passed = message.kind == "request" and not verdict.is_hidden
        raise answers.unfound(exchange) if is_passed else answers.unknown_method(exchange)
    if verdict.is_hidden:
        raise answers.unknown_tool(verdict.tool)
    raise answers.refused_call(exchange, verdict.denials)
