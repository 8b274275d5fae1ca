"""Step 9: what comes back, one message at a time, whole body or stream alike.

Whatever is not understood is refused: another content type, an unparseable event, a response to a
question that was not asked. What passes leaves as our own serialisation.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from sidecar import edge, jsonrpc, redaction, sse, upstream
from sidecar.errors import BackendFailed, Malformed
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Mask, Message, Reply
from sidecar.pipeline import results, tasks
from sidecar.pipeline.lists import Lists, private
from sidecar.pipeline.questions import Questions
from sidecar.pipeline.results import Results
from sidecar.pipeline.waiting import Waiting

MAX_EVENT: Final = 4 * 1024 * 1024
"""Largest event of a stream, in bytes."""

_VERBS: Final = re.compile(r"[A-Z]{1,16}(, ?[A-Z]{1,16}){0,16}")
_JSON: Final = frozenset(
    {
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=utf-8",
    }
)


class Inspector:
    """Redacts bodies and events with the masks of the exchange that they answer."""

    def __init__(self, lists: Lists, questions: Questions, waiting: Waiting, made: Results) -> None:
        self._results = made
        self._lists = lists
        self._questions = questions
        self._waiting = waiting

    async def body(self, exchange: Exchange) -> Reply | None:
        """Inspect a whole reply.

        Raises:
            BackendFailed: the backend refused us, failed, or sent what cannot be understood.
        """
        reply = exchange.reply
        if reply is None:
            return None
        if reply.status == 429:  # noqa: PLR2004 - RFC 6585
            return await self._results.rate_limited(exchange, reply)
        is_json = reply.get("content-type").lower() in _JSON
        failed = results.vendors_error(exchange, reply) if is_json else None
        if failed is not None:
            return await self._answer(exchange, failed, replace(reply, status=200))
        if reply.status in {401, 403} or reply.status >= 500:  # noqa: PLR2004
            raise BackendFailed(f"the backend answered {reply.status}", reason="backend_refused")
        if not reply.body or reply.status in {202, 204}:
            return _empty(exchange, reply)
        if not is_json:
            if reply.status >= 400:  # noqa: PLR2004 - an error page: the status says enough
                return _empty(exchange, reply)
            raise BackendFailed("neither JSON nor a stream", reason="backend_content_type")
        message = _parsed(reply.body)
        is_stray_error = reply.status >= 400 and message.id is None  # noqa: PLR2004
        if message.kind != "response" or not (is_stray_error or _is_answer(exchange, message)):
            raise BackendFailed("answers another request", reason="foreign_response")
        return await self._answer(exchange, message, reply)

    async def _answer(self, exchange: Exchange, message: Message, reply: Reply) -> Reply:
        self._waiting.end(exchange, message)
        out = await self._response(exchange, message)
        return Reply(reply.status, _kept(reply), out.canonical)

    async def events(
        self, exchange: Exchange, chunks: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[tuple[sse.ServerEvent, Exchange | None], None]:
        """Inspect a stream; give each event with the exchange whose result it is, if it is one.

        A call's stream in a session of the handshake era whose events have ids may stop early: the
        client resumes it with a GET, and the result is then inspected as an answer to that call.

        Raises:
            BackendFailed: as `body`; also when a call's stream ends for good without a result.
        """
        parser = sse.Parser(MAX_EVENT)
        is_resumable = False
        async with aclosing(chunks) as source:
            async for chunk in source:
                for event in parser.feed(chunk):
                    is_resumable = is_resumable or event.id is not None
                    out, answered = await self._event(exchange, event)
                    if out is not None:
                        self._remember(exchange, out)
                        yield out, answered
                    if answered is not None and exchange.message is not None:
                        return
        if exchange.message is None:
            return
        if not (is_resumable and _is_legacy(exchange) and self._waiting.holds(exchange)):
            raise BackendFailed("the stream ended without a result", reason="stream_cut")
        # Its outcome is written when its result has left on another stream, or at the end.
        exchange.tally.is_waiting = True

    def _remember(self, exchange: Exchange, event: sse.ServerEvent) -> None:
        if event.id is not None:
            self._waiting.relayed(exchange, event.id)

    async def _event(
        self, exchange: Exchange, event: sse.ServerEvent
    ) -> tuple[sse.ServerEvent | None, Exchange | None]:
        exchange.tally.events += 1
        if event.event not in {b"", b"message"}:
            raise BackendFailed("an event of an unknown type", reason="foreign_event")
        if not event.data:
            return event, None
        message = _parsed(event.data)
        asked = self._asked(exchange, message) if message.kind == "response" else None
        started = time.perf_counter()
        out = await self._message(exchange, asked, message)
        exchange.tally.redact_seconds += time.perf_counter() - started
        if out is None:
            return None, None
        shown = sse.ServerEvent(out.canonical, b"message", event.id, event.retry)
        return shown, asked

    async def _message(
        self, exchange: Exchange, asked: Exchange | None, message: Message
    ) -> Message | None:
        """What of a message on a stream goes on; None for a question that we answered ourselves."""
        if message.kind == "request":
            return await self._questions.put(exchange, message)
        if message.kind == "notification":
            self._questions.notice(exchange, message)
            if tasks.is_notice(message):
                await self._questions.check(exchange, message.params)
                return await self._waiting.tasks.notice(exchange, message, self._results)
            return await self._results.of_notification(exchange, message, _masks(exchange))
        return await self._response(asked or exchange, message)

    def _asked(self, exchange: Exchange, message: Message) -> Exchange:
        """The exchange that a response on a stream answers: this one, or one that waits for it."""
        if exchange.message is not None:
            if not _is_answer(exchange, message):
                raise BackendFailed("answers another request", reason="foreign_response")
            self._waiting.end(exchange, message)
            return exchange
        return self._waiting.end(exchange, message) or exchange

    async def _response(self, asked: Exchange, message: Message) -> Message:
        asked = self._waiting.tasks.as_called(asked)
        if "error" in message.body:
            error = message.body["error"]
            code = error.get("code")
            asked.tally.error_code = code if type(code) is int else 0
            return await self._results.of_error(asked, asked, message)
        result = message.body["result"]
        await self._questions.check(asked, result)
        if isinstance(result.get("result"), dict):  # of a task, inside its state
            await self._questions.check(asked, result["result"])
        if asked.is_listing or "tools" in result:
            return await self._list(asked, message, result)
        if asked.message is None:
            # A resumed stream: whose result this is cannot be known, so neither can its masks.
            raise BackendFailed("a result that nobody waits for", reason="foreign_response")
        if asked.message.method == "tools/call" and asked.tool is not None:
            self._waiting.tasks.created(asked, result)
            return await self._results.of_call(asked, asked, message)
        about_tasks = await self._waiting.tasks.shown(asked, message, self._results)
        if about_tasks is not None:
            return _private(about_tasks, asked)
        done = await self._results.redacted(asked, message, "result", result, _masks(asked))
        return _private(done, asked)

    async def _list(self, asked: Exchange, message: Message, result: JsonObject) -> Message:
        is_plain = asked.message is None or asked.message.method == "tools/list"
        if is_plain:
            filtered = await self._lists.filtered(asked, result)
            shown = private(await self._results.listed(asked, filtered), asked)
        elif asked.is_listing:
            shown = await self._lists.discovered(asked, result)
        else:
            raise BackendFailed("a list of tools where none belongs", reason="foreign_response")
        return jsonrpc.message({**message.body, "result": shown})


def _private(message: Message, asked: Exchange) -> Message:
    result: Any = message.body["result"]
    if "cacheScope" not in result:
        return message
    return jsonrpc.message({**message.body, "result": private(result, asked)})


def _masks(exchange: Exchange) -> tuple[Mask, ...]:
    return exchange.verdict.masks if exchange.verdict else ()


def _is_legacy(exchange: Exchange) -> bool:
    return exchange.message is not None and not edge.is_modern(exchange.message)


def _parsed(raw: bytes) -> Message:
    try:
        return jsonrpc.parse(raw)
    except Malformed as error:
        raise BackendFailed(f"unreadable: {error}", reason="backend_unparseable") from None


def _is_answer(exchange: Exchange, message: Message) -> bool:
    asked = exchange.message
    if asked is None or message.kind != "response":
        return False
    return type(asked.id) is type(message.id) and asked.id == message.id


def _empty(exchange: Exchange, reply: Reply) -> Reply:
    is_request = exchange.message is not None and exchange.message.kind == "request"
    if is_request and reply.status < 400:  # noqa: PLR2004 - a request must be answered
        raise BackendFailed("no answer to a request", reason="backend_malformed")
    headers = tuple(h for h in _kept(reply) if h[0] != "content-type")
    return Reply(reply.status, headers)


def stream_headers(reply: Reply) -> tuple[tuple[str, str], ...]:
    """The headers of an inspected stream: its type is ours, for another charset is another text."""
    return _kept(reply, "text/event-stream")


def _kept(reply: Reply, kind: str = "application/json") -> tuple[tuple[str, str], ...]:
    kept = (h for h in reply.headers if h[0] == "mcp-session-id" or _is_harmless(*h))
    return (("content-type", kind), *kept)


def _is_harmless(name: str, value: str) -> bool:
    """Whether a header tells what may be told: verbs, or limits that hold no personal data."""
    if name == "allow":
        return _VERBS.fullmatch(value) is not None
    return upstream.is_rate_header(name) and not redaction.scan(value)
