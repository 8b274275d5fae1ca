"""Step 9: what comes back, one message at a time, whole body or stream alike.

Whatever is not understood is refused: another content type, an unparseable event, a response to a
question that was not asked. What passes leaves as our own serialisation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from sidecar import edge, jsonrpc, sse, upstream
from sidecar.errors import BackendFailed, Malformed
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Mask, Message, Reply
from sidecar.pipeline import results
from sidecar.pipeline.lists import Lists, private
from sidecar.pipeline.questions import Questions
from sidecar.pipeline.waiting import Waiting

MAX_EVENT: Final = 4 * 1024 * 1024
"""Largest event of a stream, in bytes."""

_JSON: Final = frozenset(
    {
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=utf-8",
    }
)


class Inspector:
    """Redacts bodies and events with the masks of the exchange that they answer."""

    def __init__(self, lists: Lists, questions: Questions, waiting: Waiting) -> None:
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
            return results.rate_limited(exchange, reply)
        if reply.status in {401, 403} or reply.status >= 500:  # noqa: PLR2004
            raise BackendFailed(f"the backend answered {reply.status}", reason="backend_refused")
        if not reply.body or reply.status in {202, 204}:
            return _empty(exchange, reply)
        if reply.get("content-type").lower() not in _JSON:
            if reply.status >= 400:  # noqa: PLR2004 - an error page: the status says enough
                return _empty(exchange, reply)
            raise BackendFailed("neither JSON nor a stream", reason="backend_content_type")
        message = _parsed(reply.body)
        is_stray_error = reply.status >= 400 and message.id is None  # noqa: PLR2004
        if not is_stray_error and not _is_answer(exchange, message):
            raise BackendFailed("answers another request", reason="foreign_response")
        out = await self._response(exchange, exchange, message)
        return Reply(reply.status, _kept(reply), out.canonical)

    async def events(
        self, exchange: Exchange, chunks: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[tuple[sse.ServerEvent, bool], None]:
        """Inspect a stream; give each event with whether it is the final result.

        A stream of the handshake era whose events have ids may stop early: the client resumes it
        with a GET, and the result is then inspected as an answer to the call that waits for it.

        Raises:
            BackendFailed: as `body`; also when a call's stream ends for good without a result.
        """
        parser = sse.Parser(MAX_EVENT)
        is_resumable = False
        self._waiting.add(exchange)
        async with aclosing(chunks) as source:
            async for chunk in source:
                for event in parser.feed(chunk):
                    is_resumable = is_resumable or event.id is not None
                    out, is_final = await self._event(exchange, event)
                    if out is not None:
                        yield out, is_final
                    if is_final and exchange.message is not None:
                        return
        if exchange.message is not None and not (is_resumable and _is_legacy(exchange)):
            raise BackendFailed("the stream ended without a result", reason="stream_cut")

    async def _event(
        self, exchange: Exchange, event: sse.ServerEvent
    ) -> tuple[sse.ServerEvent | None, bool]:
        exchange.tally.events += 1
        if not event.data:
            return event, False
        if event.event not in {b"", b"message"}:
            raise BackendFailed("an event of an unknown type", reason="foreign_event")
        message = _parsed(event.data)
        out = await self._message(exchange, message)
        if out is None:
            return None, False
        shown = sse.ServerEvent(out.canonical, b"message", event.id, event.retry)
        return shown, message.kind == "response"

    async def _message(self, exchange: Exchange, message: Message) -> Message | None:
        """What of a message on a stream goes on; None for a question that we answered ourselves."""
        if message.kind == "request":
            return await self._questions.put(exchange, message)
        if message.kind == "notification":
            self._questions.notice(message)
            return results.redacted(exchange, message, "params", message.params, _masks(exchange))
        return await self._response(exchange, self._asked(exchange, message), message)

    def _asked(self, exchange: Exchange, message: Message) -> Exchange:
        """The exchange that a response on a stream answers: this one, or one that waits for it."""
        if exchange.message is not None:
            if not _is_answer(exchange, message):
                raise BackendFailed("answers another request", reason="foreign_response")
            self._waiting.take(exchange, message)
            return exchange
        return self._waiting.take(exchange, message) or exchange

    async def _response(self, exchange: Exchange, asked: Exchange, message: Message) -> Message:
        masks = _masks(asked)
        if "error" in message.body:
            error = message.body["error"]
            code = error.get("code")
            exchange.tally.error_code = code if type(code) is int else 0
            return results.redacted(exchange, message, "error", error, masks)
        result = message.body["result"]
        if asked.is_listing or "tools" in result:
            return await self._list(asked, message, result)
        if asked.message is None:
            # A resumed stream: whose result this is cannot be known, so neither can its masks.
            raise BackendFailed("a result that nobody waits for", reason="foreign_response")
        await self._questions.check(asked, result)
        if asked.message.method == "tools/call" and asked.tool is not None:
            return results.of_call(exchange, asked, message)
        done = results.redacted(exchange, message, "result", result, masks)
        return _private(done, asked)

    async def _list(self, asked: Exchange, message: Message, result: JsonObject) -> Message:
        is_plain = asked.message is None or asked.message.method != "tools/call"
        if is_plain:
            shown = private(await self._lists.filtered(asked, result), asked)
        elif asked.is_listing:
            shown = await self._lists.discovered(asked, result)
        else:
            raise BackendFailed("a list of tools in a call's result", reason="foreign_response")
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


def _kept(reply: Reply) -> tuple[tuple[str, str], ...]:
    names = {"mcp-session-id", "allow"}
    kept = tuple(h for h in reply.headers if h[0] in names or upstream.is_rate_header(h[0]))
    return (("content-type", "application/json"), *kept)
