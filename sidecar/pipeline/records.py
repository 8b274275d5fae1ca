"""Steps 7 and 10: intents, outcomes and refusals, each exactly once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from sidecar import audit, redaction
from sidecar import exchange as exchanges
from sidecar.errors import Denied, NotFound, Refusal, Unauthenticated
from sidecar.exchange import Exchange, answers
from sidecar.model import Caller, JsonObject, Reply, Tool
from sidecar.pipeline.floods import Floods

_QUIET: Final = frozenset({"ping"})
"""Requests that leave one buffered record, as notifications do."""

_REMEMBERED: Final = 256
"""Callers whose scrubbed form is kept: the same few come again and again."""


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

    def __init__(self, writer: audit.Writer, durability: Durability) -> None:
        self._writer = writer
        self._durability = durability
        self._floods = Floods(writer)
        self._callers: OrderedDict[int, tuple[Caller, JsonObject]] = OrderedDict()

    async def intent(self, exchange: Exchange) -> Exchange:
        """Record what is about to leave; bookkeeping leaves its one record afterwards."""
        if is_quiet(exchange):
            return exchange
        event = exchanges.intent(exchange, redaction.scrub, self._input(exchange))
        await self._writer.record(event, is_synced=self._durability.of(exchange.tool))
        return exchange._replace(is_intent_recorded=True)

    async def outcome(
        self, exchange: Exchange, status: str, refusal: Refusal | None = None
    ) -> None:
        """Record how it ended; a second call for the same exchange does nothing."""
        tally = exchange.tally
        if tally.is_recorded:
            return
        tally.is_recorded = True
        whole = None if exchange.is_intent_recorded else self._input(exchange)
        event = exchanges.outcome(
            exchange, audit.event_id(), status, redaction.scrub, refusal, whole
        )
        if is_quiet(exchange) and refusal is None:
            self._writer.record_soon(event)
        else:
            await self._writer.record(event)

    async def refusal(self, exchange: Exchange, refusal: Refusal) -> Reply:
        """Record a refusal and put it into words; strangers are only counted when they flood."""
        try:
            if isinstance(refusal, NotFound | Unauthenticated) and exchange.message is None:
                await self._floods.count(exchange, refusal)
                exchange.tally.is_recorded = True
            await self.outcome(exchange, _refused(refusal), refusal)
        except Refusal as down:
            refusal = down
        return answers.answer(exchange, refusal)

    async def close(self) -> None:
        """Write what was only counted so far."""
        await self._floods.flush()

    def _input(self, exchange: Exchange) -> JsonObject | None:
        """The decision's input, every leaf that may be personal withheld."""
        if exchange.tool is None or exchange.decision is None or exchange.facts is None:
            return None
        document = exchange.facts.document()
        document["tools"][0]["name"] = exchanges.shown_name(exchange.tool.name, redaction.scrub)
        document["arguments"] = redaction.withhold(exchange.arguments, exchange.findings)
        document["caller"] = self._shown(exchange.facts.caller, document["caller"])
        return document

    def _shown(self, caller: Caller, section: JsonObject) -> JsonObject:
        """A caller scrubbed: once for each verified caller, not once for each call."""
        known = self._callers.get(id(caller))
        if known is not None and known[0] is caller:
            return known[1]
        shown: JsonObject = redaction.scrub_value(section)
        self._callers[id(caller)] = (caller, shown)
        if len(self._callers) > _REMEMBERED:
            self._callers.popitem(last=False)
        return shown


def is_quiet(exchange: Exchange) -> bool:
    """Whether a message is bookkeeping that leaves one buffered record."""
    message = exchange.message
    if message is None or message.kind == "response":
        return False
    return message.kind == "notification" or message.method in _QUIET


def status_of(exchange: Exchange, reply: Reply | None) -> str:
    """How an exchange ended that got its reply."""
    if reply is not None and reply.status == 429:  # noqa: PLR2004 - RFC 6585
        return "rate_limited"
    if exchange.tally.error_code is not None:
        return "backend_error"
    return "tool_error" if exchange.tally.is_tool_error else "ok"


def ended(exchange: Exchange) -> str:
    """How a stream ended that brought no final result: a listener does, a call was cut off."""
    return "stream_ended" if exchange.is_listener else "cancelled"


def _refused(refusal: Refusal) -> str:
    if isinstance(refusal, Denied) or refusal.status < 500:  # noqa: PLR2004 - ours or theirs
        return "refused"
    return "timeout" if refusal.status == 504 else "backend_error"  # noqa: PLR2004
