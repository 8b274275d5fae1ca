"""The road that every message walks, in this order and no other.

     1 admit     host, origin, path, verb, size, encoding
     2 verify    headers and path          -> Caller       (the body is not read yet)
     3 parse     bytes                     -> Message
     4 find      message                   -> Tool         (headers may only confirm the message)
     5 scan      arguments                 -> findings
     6 decide    all of the above          -> Decision
     7 record    the intent, durable before anything leaves; a refusal instead if there is no grant
     8 forward   the message, written anew -> Reply
     9 redact    each event or body        -> masked; lists are decided tool by tool
    10 record    the outcome, before the final result leaves

Theory of operation. Each step takes the frozen exchange and returns it with its own field filled
in, so after step 6 nothing can change method, tool or arguments: step 8 sends
`Message.canonical`, our own serialisation of the object that was judged. A step refuses by raising
`Refusal`; that, a fault of ours, and a caller who goes away all end in exactly one outcome record.
A stream's outcome is recorded just before its final result leaves, or when the stream ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from sidecar import audit, edge, jsonrpc, redaction, sse, upstream
from sidecar import exchange as exchanges
from sidecar.catalog import Catalog
from sidecar.errors import Denied, Malformed, NotFound, Refusal, Unauthenticated
from sidecar.exchange import Exchange, Tally, answers
from sidecar.identity import Sessions, Verifier
from sidecar.model import Head, JsonObject, Message, Reply, Tool
from sidecar.pipeline.floods import Floods
from sidecar.pipeline.inspection import Inspector
from sidecar.policy import Facts, Policy

_log = structlog.get_logger("sidecar.road")

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
"""Methods that travel on; `tools/call` only with a verdict. Every other one is refused."""

PASSED_NOTIFICATIONS: Final = frozenset(
    {
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
    }
)
"""Notifications of a client that travel on."""

_QUIET: Final = frozenset({"ping"})
"""Requests that leave one buffered record, as notifications do."""

Step = Callable[[Exchange], Awaitable[Exchange]]
Observe = Callable[[str, Exchange], None]


class Backend(Protocol):
    """What step 8 needs: the pooled client, or one recorded reply when a message is traced."""

    async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
        """Send one request; raises BackendFailed or BackendTimedOut."""


@dataclass(frozen=True, slots=True)
class Organs:
    """What the road is made of; redaction is functions only and needs no instance."""

    identity: Verifier
    sessions: Sessions
    catalog: Catalog
    policy: Policy
    audit: audit.Writer
    backend: Backend


@dataclass(frozen=True, slots=True)
class Durability:
    """Whether an intent must have reached the disk (fdatasync) before the call leaves."""

    are_reads_synced: bool = False
    are_writes_synced: bool = True

    def of(self, tool: Tool | None) -> bool:
        """By the effect of the tool; what is no call counts as a read."""
        is_read = tool is None or tool.effect == "read"
        return self.are_reads_synced if is_read else self.are_writes_synced


class Road:
    """`handle` walks one request; `observe` sees the exchange after each step."""

    def __init__(
        self,
        organs: Organs,
        rules: edge.Rules,
        durability: Durability,
        clock: Callable[[], datetime],
        observe: Observe | None = None,
    ) -> None:
        self._organs = organs
        self._rules = rules
        self._durability = durability
        self._clock = clock
        self._observe = observe
        self._inspector = Inspector(organs.catalog, organs.policy, clock)
        self._floods = Floods(organs.audit)
        self.steps: tuple[tuple[str, Step], ...] = (
            ("admit", self._admit),  # 1
            ("verify", self._verify),  # 2
            ("parse", self._parse),  # 3
            ("find", self._find),  # 4
            ("scan", self._scan),  # 5
            ("decide", self._decide),  # 6
            ("record intent", self._record_intent),  # 7
            ("forward", self._forward),  # 8
            ("redact", self._redact),  # 9
            ("record outcome", self._record_outcome),  # 10
        )

    async def handle(self, head: Head, read_body: Callable[[], Awaitable[bytes]]) -> Reply:
        """Walk the road. Never raises for anything a caller or the backend did."""
        exchange = Exchange(audit.event_id(), head, read_body, Tally(), time.monotonic())
        try:
            for name, step in self.steps:
                exchange = await step(exchange)
                if self._observe is not None:
                    self._observe(name, exchange)
        except Refusal as refusal:
            return await self._refuse(exchange, refusal)
        except asyncio.CancelledError:
            await _close(exchange.reply)
            await self._record(exchange, "cancelled")
            raise
        except Exception as fault:  # noqa: BLE001 - the outer edge: our own fault becomes a refusal
            _log.error("fault on the road", event_id=exchange.id, exc_info=fault)
            return await self._refuse(exchange, Refusal(type(fault).__name__))
        return exchange.reply or Reply(202)

    async def close(self) -> None:
        """Write what was only counted so far."""
        await self._floods.flush()

    # ---- 1 to 6: from bytes to a decision ------------------------------------------------------

    async def _admit(self, exchange: Exchange) -> Exchange:
        edge.admit(exchange.head, self._rules)
        return exchange

    async def _verify(self, exchange: Exchange) -> Exchange:
        caller = await self._organs.identity.verify(exchange.head)
        session = exchange.head.get("mcp-session-id")
        if session:
            self._organs.sessions.check(session, caller.principal)
        return exchange._replace(caller=caller)

    async def _parse(self, exchange: Exchange) -> Exchange:
        if exchange.head.verb != "POST":
            return exchange
        return exchange._replace(message=jsonrpc.parse(await exchange.read_body()))

    async def _find(self, exchange: Exchange) -> Exchange:
        message = exchange.message
        if message is None:
            return exchange
        edge.confirm(exchange.head, message)
        if message.method != "tools/call":
            return exchange
        name, arguments = message.params.get("name"), message.params.get("arguments", {})
        if not isinstance(name, str) or not isinstance(arguments, dict):
            public = "tools/call needs a name and an object of arguments."
            raise Malformed(public, reason="bad_call", code=jsonrpc.INVALID_PARAMS, public=public)
        return exchange._replace(tool=self._organs.catalog.find(name))

    async def _scan(self, exchange: Exchange) -> Exchange:
        if exchange.tool is None or not exchange.arguments:
            return exchange
        return exchange._replace(findings=redaction.scan(exchange.arguments))

    async def _decide(self, exchange: Exchange) -> Exchange:
        started = time.perf_counter()
        decision = await self._organs.policy.decide(self._facts(exchange))
        took = round((time.perf_counter() - started) * 1e6)
        return exchange._replace(decision=decision, decide_us=took)

    # ---- 7 and 8: nothing leaves unrecorded ----------------------------------------------------

    async def _record_intent(self, exchange: Exchange) -> Exchange:
        # Raised here and not in step 6, so that the record of a refusal holds the decision.
        _refuse_by(exchange)
        if _is_quiet(exchange):
            return exchange
        event = exchanges.intent(exchange, redaction.scrub, self._decision_input(exchange))
        is_synced = self._durability.of(exchange.tool)
        await self._organs.audit.record(event, is_synced=is_synced)
        return exchange._replace(is_intent_recorded=True)

    async def _forward(self, exchange: Exchange) -> Exchange:
        message = exchange.message
        mirrored = edge.mirrored(message) if message else []
        headers = upstream.outgoing(exchange.head, mirrored)
        body = message.canonical if message else None
        sent = time.monotonic()
        reply = await self._organs.backend.forward(exchange.head.verb, headers, body)
        return exchange._replace(reply=reply, sent=sent, received=time.monotonic())

    # ---- 9 and 10: nothing comes back unseen ---------------------------------------------------

    async def _redact(self, exchange: Exchange) -> Exchange:
        reply = exchange.reply
        if reply is not None and reply.stream is not None:
            return exchange
        return exchange._replace(reply=await self._inspector.body(exchange))

    async def _record_outcome(self, exchange: Exchange) -> Exchange:
        reply = exchange.reply
        if reply is None:
            return exchange
        self._bind_session(exchange, reply)
        if reply.stream is not None:
            stream = self._relay(exchange, reply.stream)
            # Started, so that closing it records the outcome even if nothing was read from it.
            await anext(stream)
            return exchange._replace(reply=Reply(reply.status, reply.headers, stream=stream))
        exchange.tally.bytes_out = len(reply.body)
        await self._record(exchange, _status(exchange, reply))
        return exchange

    async def _relay(
        self, exchange: Exchange, chunks: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """Steps 9 and 10 of a stream: each event redacted, the outcome before the final one."""
        try:
            async with (
                aclosing(chunks),
                aclosing(self._inspector.events(exchange, chunks)) as events,
            ):
                yield b""
                async for event, is_final in events:
                    out = sse.serialise(event)
                    exchange.tally.bytes_out += len(out)
                    if is_final:
                        await self._record(exchange, _status(exchange, exchange.reply))
                    yield out
        except Refusal as refusal:
            reply = await self._refuse(exchange, refusal)
            if reply.body:
                yield sse.serialise(sse.ServerEvent(reply.body, b"message"))
        finally:
            # The stream ended without a final result, or the caller left.
            await self._record(exchange, _ended(exchange))

    # ---- what several steps need ---------------------------------------------------------------

    async def _refuse(self, exchange: Exchange, refusal: Refusal) -> Reply:
        await _close(exchange.reply)
        try:
            if isinstance(refusal, NotFound | Unauthenticated) and exchange.message is None:
                await self._floods.count(exchange, refusal)
                exchange.tally.is_recorded = True
            await self._record(exchange, _refused(refusal), refusal)
        except Refusal as down:
            refusal = down
        return answers.answer(exchange, refusal)

    async def _record(
        self, exchange: Exchange, status: str, refusal: Refusal | None = None
    ) -> None:
        tally = exchange.tally
        if tally.is_recorded:
            return
        tally.is_recorded = True
        whole = None if exchange.is_intent_recorded else self._decision_input(exchange)
        event = exchanges.outcome(
            exchange, audit.event_id(), status, redaction.scrub, refusal, whole
        )
        if _is_quiet(exchange) and refusal is None:
            self._organs.audit.record_soon(event)
        else:
            await self._organs.audit.record(event)

    def _facts(self, exchange: Exchange) -> Facts:
        if exchange.caller is None:
            raise Unauthenticated("no verified caller")
        tool, message = exchange.tool, exchange.message
        return Facts(
            tools=(tool,) if tool else (),
            caller=exchange.caller,
            method=exchange.method,
            protocol=_protocol(exchange.head, message),
            now=self._clock(),
            arguments=exchange.arguments if tool else None,
            findings=exchange.findings,
        )

    def _decision_input(self, exchange: Exchange) -> JsonObject | None:
        if exchange.tool is None or exchange.decision is None:
            return None
        document = self._facts(exchange).document()
        document["tools"][0]["name"] = exchanges.shown_name(exchange.tool.name, redaction.scrub)
        document["arguments"] = redaction.withhold(exchange.arguments, exchange.findings)
        claims = document["caller"]["claims"]
        document["caller"] = (
            redaction.scrub_value(document["caller"])
            if claims
            else {
                key: redaction.scrub(value) if isinstance(value, str) else value
                for key, value in document["caller"].items()
            }
        )
        return document

    def _bind_session(self, exchange: Exchange, reply: Reply) -> None:
        session = reply.get("mcp-session-id")
        if session and exchange.caller is not None and exchange.method == "initialize":
            self._organs.sessions.bind(session, exchange.caller.principal)
        ended = exchange.head.get("mcp-session-id")
        if ended and exchange.head.verb == "DELETE" and reply.status < 300:  # noqa: PLR2004
            self._organs.sessions.forget(ended)


async def _close(reply: Reply | None) -> None:
    """Give back a stream that nobody will read; closing one twice does nothing."""
    if reply is not None and reply.stream is not None:
        await reply.stream.aclose()


def _refuse_by(exchange: Exchange) -> None:
    """Turn a verdict, or a method that nobody judges, into a refusal (invariants 2 and 7)."""
    message, verdict = exchange.message, exchange.verdict
    if message is None:
        return
    if message.kind == "response":
        raise Malformed("no request of the backend waits for this", reason="unasked_response")
    passed = PASSED_REQUESTS if message.kind == "request" else PASSED_NOTIFICATIONS
    if message.method not in passed:
        raise answers.unknown_method(exchange)
    if verdict is None:
        return
    if verdict.is_hidden:
        raise answers.unknown_tool(verdict.tool)
    if not verdict.is_allowed:
        raise answers.refused_call(verdict.denials)


def _is_quiet(exchange: Exchange) -> bool:
    message = exchange.message
    return message is not None and (message.kind != "request" or message.method in _QUIET)


def _protocol(head: Head, message: Message | None) -> str:
    meta = message.params.get("_meta") if message else None
    claim = meta.get(edge.META_VERSION) if isinstance(meta, dict) else None
    return claim if isinstance(claim, str) else head.get("mcp-protocol-version")


def _status(exchange: Exchange, reply: Reply | None) -> str:
    if reply is not None and reply.status == 429:  # noqa: PLR2004 - RFC 6585
        return "rate_limited"
    if exchange.tally.error_code is not None:
        return "backend_error"
    return "tool_error" if exchange.tally.is_tool_error else "ok"


def _ended(exchange: Exchange) -> str:
    """How a stream ended that brought no final result: a listener does, a call was cut off."""
    message = exchange.message
    has_final = message is not None and message.method != "subscriptions/listen"
    return "cancelled" if has_final else "stream_ended"


def _refused(refusal: Refusal) -> str:
    if isinstance(refusal, Denied) or refusal.status < 500:  # noqa: PLR2004 - ours or theirs
        return "refused"
    return "timeout" if refusal.status == 504 else "backend_error"  # noqa: PLR2004
