"""The road that every message walks, in this order and no other.

     1 admit     host, origin, path, verb, size, encoding
     2 verify    headers and path          -> Caller       (the body is not read yet)
     3 parse     bytes                     -> Message
     4 find      message                   -> Tool         (headers may only confirm it)
     5 scan      arguments                 -> findings
     6 decide    all of the above          -> Decision     (a refusal is raised in 7)
     7 record    the intent, durable before anything leaves
     8 forward   the message, written anew -> Reply
     9 redact    each event or body        -> masked; lists are decided tool by tool
    10 record    the outcome, before the final result leaves

Theory of operation. Each step takes the frozen exchange and returns it with its own fields filled
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
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from sidecar import audit, edge, jsonrpc, sse, upstream
from sidecar.errors import Refusal
from sidecar.exchange import Exchange, Tally
from sidecar.model import Head, Reply
from sidecar.pipeline import target
from sidecar.pipeline.decisions import Decisions
from sidecar.pipeline.history import History
from sidecar.pipeline.inspection import Inspector, stream_headers
from sidecar.pipeline.judgment import refuse_by
from sidecar.pipeline.lists import Lists
from sidecar.pipeline.organs import Organs, Rules
from sidecar.pipeline.questions import Questions
from sidecar.pipeline.records import Records, ended, status_of
from sidecar.pipeline.results import Results
from sidecar.pipeline.streams import Streams
from sidecar.pipeline.waiting import Asked, Waiting

_log = structlog.get_logger("sidecar.road")

Step = Callable[[Exchange], Awaitable[Exchange]]
Observe = Callable[[str, Exchange], None]


class Road:
    """`handle` walks one request; `observe` sees the exchange after each step."""

    def __init__(
        self,
        organs: Organs,
        rules: Rules,
        clock: Callable[[], datetime],
        observe: Observe | None = None,
    ) -> None:
        self._organs = organs
        self._rules = rules
        self._observe = observe
        self._asked = Asked()
        self._waiting = Waiting()
        self._streams = Streams(rules.streams)
        self._records = Records(organs.audit, rules.durability, organs.watches)
        self._history = History(time.monotonic)
        self._decisions = Decisions(organs, self._history, clock)
        lists = Lists(organs.tools, organs.policy, clock, is_discovery=rules.is_discovery)
        made = Results(organs.redaction)
        questions = Questions(
            organs.backends, organs.policy, self._asked, organs.surveys, clock, made
        )
        self._inspector = Inspector(lists, questions, self._waiting, made)
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
            await _close(exchange.reply)
            return await self._records.refusal(exchange, refusal)
        except asyncio.CancelledError:
            await _close(exchange.reply)
            await self._records.outcome(exchange, "cancelled")
            raise
        except Exception as fault:  # noqa: BLE001 - the outer edge: our own fault becomes a refusal
            _log.error("fault on the road", event_id=exchange.id, exc_info=fault)
            await _close(exchange.reply)
            return await self._records.refusal(exchange, Refusal(type(fault).__name__))
        finally:
            self._waiting.release(exchange)
            self._streams.arrived(exchange)
        return exchange.reply or Reply(202)

    @property
    def open_streams(self) -> int:
        """How many replies are streaming now."""
        return self._streams.open

    async def close(self) -> None:
        """Write what was only counted so far, and how calls ended that still wait."""
        for exchange in self._waiting.drain():
            await self._records.outcome(exchange, "cancelled")
        await self._records.close()

    # ---- 1 to 6: from bytes to a decision ------------------------------------------------------

    async def _admit(self, exchange: Exchange) -> Exchange:
        edge.admit(exchange.head, self._rules.edge)
        return exchange

    async def _verify(self, exchange: Exchange) -> Exchange:
        caller = await self._organs.identity.verify(exchange.head)
        return exchange._replace(caller=caller)

    async def _parse(self, exchange: Exchange) -> Exchange:
        # Here and not in step 2, so that the record of a refusal names who tried.
        session = exchange.head.get("mcp-session-id")
        if session and exchange.caller is not None:
            self._organs.sessions.check(session, exchange.caller.principal)
        if exchange.head.verb != "POST":
            return exchange
        return exchange._replace(message=jsonrpc.parse(await exchange.read_body()))

    async def _find(self, exchange: Exchange) -> Exchange:
        if exchange.message is None:
            return exchange
        edge.confirm(exchange.head, exchange.message)
        is_discovery = self._rules.is_discovery
        found = target.find(exchange, self._organs.tools, self._asked, is_discovery=is_discovery)
        return exchange._replace(
            tool=found.tool, arguments=found.arguments or {}, is_listing=found.is_listing
        )

    async def _scan(self, exchange: Exchange) -> Exchange:
        message = exchange.message
        if message is None or not (exchange.tool or exchange.is_listing):
            return exchange
        organ, size = self._organs.redaction, len(message.canonical)
        tool, arguments = exchange.tool, exchange.arguments
        findings = await organ.scan(arguments, size) if arguments else ()
        people = await organ.people(arguments, findings, tool, size) if tool else ()
        answers = message.params.get("inputResponses")
        if answers:
            findings += await organ.scan(answers, size, "/inputResponses")
        return exchange._replace(findings=findings, people=people)

    async def _decide(self, exchange: Exchange) -> Exchange:
        return await self._decisions.decide(exchange)

    # ---- 7 and 8: nothing leaves unrecorded ----------------------------------------------------

    async def _record_intent(self, exchange: Exchange) -> Exchange:
        # Refused here and not in step 6, so that the record of a refusal holds the decision.
        refuse_by(exchange)
        if exchange.message is not None:
            # Once the verdict is in, or its headers would tell a hidden tool from an unknown one.
            mirrors = exchange.tool.mirrors if exchange.tool else {}
            edge.confirm_params(exchange.head, exchange.message, mirrors)
        self._streams.expect(exchange)
        self._waiting.check_resumed(exchange)
        displaced = self._waiting.begin(exchange)
        if displaced is not None:
            await self._records.outcome(displaced, "cancelled")
        started = time.perf_counter()
        recorded = await self._records.intent(exchange)
        exchange.tally.record_seconds += time.perf_counter() - started
        return recorded

    async def _forward(self, exchange: Exchange) -> Exchange:
        message = exchange.message
        mirrored = edge.mirrored(message) if message else []
        headers = upstream.outgoing(exchange.head, mirrored, exchange.id)
        body = message.canonical if message else None
        exchange.tally.left = sent = time.monotonic()
        backend = self._organs.backends.of(exchange.account)
        reply = await backend.forward(exchange.head.verb, headers, body)
        return exchange._replace(reply=reply, sent=sent, received=time.monotonic())

    # ---- 9 and 10: nothing comes back unseen ---------------------------------------------------

    async def _redact(self, exchange: Exchange) -> Exchange:
        reply = exchange.reply
        if reply is not None and reply.stream is not None:
            return exchange  # A stream is redacted as it flows: see _relay.
        started = time.perf_counter()
        masked = await self._inspector.body(exchange)
        exchange.tally.redact_seconds += time.perf_counter() - started
        return exchange._replace(reply=masked)

    async def _record_outcome(self, exchange: Exchange) -> Exchange:
        reply = exchange.reply
        if reply is None:
            return exchange
        self._bind_session(exchange, reply)
        if reply.stream is None:
            exchange.tally.bytes_out = len(reply.body)
            await self._end(exchange, reply)
            return exchange
        stream = self._relay(exchange, reply.stream)
        # Started, so that closing it records the outcome even if nothing was read from it.
        await anext(stream)
        caller = exchange.caller
        return exchange._replace(
            reply=replace(
                reply,
                headers=stream_headers(reply),
                stream=stream,
                ends_at=caller.expires_at if caller else None,
                is_welcome=partial(self._organs.identity.is_welcome, caller) if caller else None,
                is_listener=exchange.is_listener,
            )
        )

    async def _relay(
        self, exchange: Exchange, chunks: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """Steps 9 and 10 of a stream: each event redacted, the outcome before the final one."""
        self._streams.opened()
        try:
            async with (
                aclosing(chunks),
                aclosing(self._inspector.events(exchange, chunks)) as events,
            ):
                yield b""
                async for event, answered in events:
                    out = sse.serialise(event)
                    exchange.tally.bytes_out += len(out)
                    if answered is not None and answered.message is not None:
                        await self._end(answered, exchange.reply)
                    yield out
        except Refusal as refusal:
            yield await self._refused(exchange, refusal)
        except Exception as fault:  # noqa: BLE001 - as in `handle`
            _log.error("fault on the road", event_id=exchange.id, exc_info=fault)
            yield await self._refused(exchange, Refusal(type(fault).__name__))
        finally:
            self._streams.closed()
            # The stream ended without a final result, or the caller left.
            if not exchange.tally.is_waiting:
                await self._records.outcome(exchange, ended(exchange))

    async def _refused(self, exchange: Exchange, refusal: Refusal) -> bytes:
        """A refusal as the last event of a stream; nothing where nobody waits for a result."""
        reply = await self._records.refusal(exchange, refusal)
        return sse.serialise(sse.ServerEvent(reply.body, b"message")) if reply.body else b""

    async def _end(self, exchange: Exchange, reply: Reply | None) -> None:
        """Enter what the result shows into the caller's past, and record the outcome."""
        if exchange.caller and exchange.tool and exchange.method == "tools/call":
            self._history.saw(exchange.caller, exchange.tool, exchange.tally.subjects)
        await self._records.outcome(exchange, status_of(exchange, reply))

    def _bind_session(self, exchange: Exchange, reply: Reply) -> None:
        session = reply.get("mcp-session-id")
        if session and exchange.caller is not None and exchange.method == "initialize":
            self._organs.sessions.bind(session, exchange.caller.principal)
        ended_session = exchange.head.get("mcp-session-id")
        if ended_session and exchange.head.verb == "DELETE" and reply.status < 300:  # noqa: PLR2004
            self._organs.sessions.forget(ended_session)


async def _close(reply: Reply | None) -> None:
    """Give back a stream that nobody will read; closing one twice does nothing."""
    if reply is not None and reply.stream is not None:
        await reply.stream.aclose()
