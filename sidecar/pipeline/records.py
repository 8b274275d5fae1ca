"""Steps 7 and 10: intents, outcomes and refusals, each exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
import structlog

from sidecar import audit, redaction
from sidecar import exchange as exchanges
from sidecar.errors import Denied, Refusal
from sidecar.exchange import ByCaller, Exchange, Told, answers
from sidecar.model import JsonObject, Reply, Tool
from sidecar.pipeline.floods import Floods
from sidecar.pipeline.judgment import PASSED_NOTIFICATIONS

_QUIET: Final = frozenset({"ping"})
"""Requests that leave one buffered record, as notifications do."""

_log = structlog.get_logger("sidecar.records")

_MINUTE: Final = 60.0
_MOST: Final = 100
"""Findings that are written out of one call's arguments; all are counted."""

_LARGEST_INPUT: Final = 16 * 1024
"""Bytes of arguments that an event holds; an event must never be too long to be written."""

_OF_THE_BACKEND: Final = {502: "backend_error", 504: "timeout"}

_SMALL: Final = 1024
"""Bytes of a message whose arguments are never more than that, a dozen bytes for each withheld."""


Watch = Callable[[Exchange, str, Refusal | None], None]
"""Is told once of each exchange when it has ended, how, and by which refusal; must not raise."""


@dataclass(frozen=True, slots=True)
class Durability:
    """Whether an intent must have reached the disk (fdatasync) before the call leaves."""

    are_reads_synced: bool = False
    are_writes_synced: bool = True

    def of(self, tool: Tool | None) -> bool:
        """By the effect of the tool; what is no call counts as a read."""
        is_read = tool is None or tool.effect == "read"
        return self.are_reads_synced if is_read else self.are_writes_synced


class Records:
    """Writes what the exchanges leave behind. Raises OrganDown when it cannot be written."""

    def __init__(
        self, writer: audit.Writer, durability: Durability, watches: tuple[Watch, ...] = ()
    ) -> None:
        self._writer = writer
        self._durability = durability
        self._watches = watches
        self._floods = Floods(writer)
        self._told: dict[str, float] = {}
        self._actors: ByCaller[JsonObject] = ByCaller()
        self._callers: ByCaller[JsonObject] = ByCaller()

    async def intent(self, exchange: Exchange) -> Exchange:
        """Record what is about to leave; bookkeeping leaves its one record afterwards."""
        if is_quiet(exchange):
            return exchange
        exchange = exchange._replace(told=self._said(exchange))
        event = exchanges.intent(exchange, self._said(exchange), self._input(exchange))
        try:
            await self._writer.record(event, is_synced=self._durability.of(exchange.tool))
        except asyncio.CancelledError:
            # It stands in the file, and was waiting for the disk.
            exchange.tally.is_intent_recorded = True
            raise
        exchange.tally.is_intent_recorded = True
        return exchange

    async def outcome(
        self, exchange: Exchange, status: str, refusal: Refusal | None = None
    ) -> None:
        """Record how it ended; a second call for the same exchange does nothing."""
        tally = exchange.tally
        if tally.is_recorded:
            return
        started = time.perf_counter()
        whole = None if tally.is_intent_recorded else self._input(exchange)
        said = self._said(exchange)
        event = exchanges.outcome(exchange, said, audit.event_id(), status, refusal, whole)
        # Written at once, without a pause in which a second record could begin.
        tally.is_recorded = True
        try:
            if is_quiet(exchange) and refusal is None:
                self._writer.record_soon(event)
            else:
                await self._writer.record(event)
        except Refusal:
            tally.is_recorded = False
            raise
        finally:
            tally.record_seconds += time.perf_counter() - started
            if tally.is_recorded:
                self._watched(exchange, status, refusal)

    async def refusal(self, exchange: Exchange, refusal: Refusal) -> Reply:
        """Record a refusal and put it into words; strangers are only counted when they flood."""
        try:
            if exchange.caller is None:
                said, status = self._said(exchange), _refused(refusal)
                event = exchanges.outcome(exchange, said, exchange.id, status, refusal)
                where = str(event.actor.get("endpoint", ""))
                key = (exchange.head.client_ip, f"{refusal.reason}: {refusal}", where)
                await self._floods.count(key, event)
                exchange.tally.is_recorded = True
            await self.outcome(exchange, _refused(refusal), refusal)
        except Refusal as down:
            refusal = down
        self._watched(exchange, _refused(refusal), refusal)
        self._tell(exchange, refusal)
        return answers.answer(exchange, refusal)

    def _watched(self, exchange: Exchange, status: str, refusal: Refusal | None) -> None:
        if not exchange.tally.is_watched:
            exchange.tally.is_watched = True
            for watch in self._watches:
                watch(exchange, status, refusal)

    def _tell(self, exchange: Exchange, refusal: Refusal) -> None:
        """Log a failure, ours or the backend's: the first of a kind in a minute."""
        if refusal.status < 500:  # noqa: PLR2004 - what callers do wrong is the audit log's
            return
        now = time.monotonic()
        if now - self._told.get(refusal.reason, -_MINUTE) >= _MINUTE:
            self._told[refusal.reason] = now
            _log.warning(
                "calls fail", reason=refusal.reason, detail=str(refusal), event_id=exchange.id
            )

    async def close(self) -> None:
        """Write what was only counted so far."""
        await self._floods.close()

    def _said(self, exchange: Exchange) -> Told:
        """What its intent said; of one without an intent, what it would have said."""
        if exchange.told is not None:
            return exchange.told
        caller = exchange.caller
        if caller is None:
            return exchanges.told(exchange, {})
        actor = self._actors.of(caller, lambda: exchanges.actor(caller))
        return exchanges.told(exchange, actor)

    def _input(self, exchange: Exchange) -> JsonObject | None:
        """The decision's input, every leaf that may be personal withheld."""
        tool, facts = exchange.tool, exchange.facts
        if tool is None or exchange.decision is None or facts is None:
            return None
        asked = facts.document()
        caller, endpoint = asked["caller"], asked["endpoint"]
        arguments = redaction.withhold(exchange.arguments, exchange.findings)
        if len(exchange.message.canonical if exchange.message else b"") > _SMALL:
            length = len(orjson.dumps(arguments))
            if length > _LARGEST_INPUT:
                arguments = {"withheld": "MORE", "length": length}
        return {
            **asked,
            "tools": [{**asked["tools"][0], "name": exchanges.shown_name(tool.name)}],
            "arguments": arguments,
            "findings": [
                {**found, "pointer": redaction.withhold_pointer(found["pointer"])}
                for found in asked["findings"][:_MOST]
            ],
            "caller": self._callers.of(facts.caller, lambda: redaction.scrub_value(caller)),
            "endpoint": {**endpoint, "name": exchanges.shown_text(endpoint["name"])},
        }


def is_quiet(exchange: Exchange) -> bool:
    """Whether a message is bookkeeping that leaves one buffered record."""
    message = exchange.message
    if message is None:
        return False
    if message.kind == "notification":
        return message.method in PASSED_NOTIFICATIONS
    return message.kind == "request" and message.method in _QUIET


def status_of(exchange: Exchange, reply: Reply | None) -> str:
    """How an exchange ended that got its reply."""
    is_limited = exchange.tally.is_rate_limited
    if is_limited or (reply is not None and reply.status == 429):  # noqa: PLR2004 - RFC 6585
        return "rate_limited"
    if exchange.tally.error_code is not None:
        return "backend_error"
    return "tool_error" if exchange.tally.is_tool_error else "ok"


def ended(exchange: Exchange) -> str:
    """How a stream ended that brought no final result: a listener does, a call was cut off."""
    return "stream_ended" if exchange.is_listener else "cancelled"


def _refused(refusal: Refusal) -> str:
    """Who failed, by HTTP status: 502 and 504 are the backend's, all other 5xx are ours."""
    if isinstance(refusal, Denied) or refusal.status < 500:  # noqa: PLR2004 - ours or theirs
        return "refused"
    return _OF_THE_BACKEND.get(refusal.status, "sidecar_error")
