"""Step 9: what comes back, one message at a time, whole body or stream alike.

Whatever is not understood is refused: another content type, an unparseable event, a response to a
question that was not asked, a request of the backend to the agent. What passes leaves as our own
serialisation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

import orjson

from sidecar import edge, jsonrpc, redaction, sse, upstream
from sidecar import exchange as exchanges
from sidecar.catalog import Catalog
from sidecar.errors import BackendFailed, Malformed, Unauthenticated
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Mask, Message, Reply
from sidecar.policy import Facts, Policy

MAX_LIST_TTL_MS: Final = 60_000
"""Longest time a client may keep a filtered list, in milliseconds."""

MAX_EVENT: Final = 4 * 1024 * 1024
"""Largest event of a stream, in bytes."""

_JSON: Final = (
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=utf-8",
)


class Inspector:
    """Redacts bodies and events with the masks of the exchange's own verdict."""

    def __init__(self, catalog: Catalog, policy: Policy, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._policy = policy
        self._clock = clock

    async def body(self, exchange: Exchange) -> Reply | None:
        """Inspect a whole reply.

        Raises:
            BackendFailed: the backend refused us, failed, or sent what cannot be understood.
        """
        reply = exchange.reply
        if reply is None:
            return None
        if reply.status == 429:  # noqa: PLR2004 - RFC 6585
            return _rate_limited(exchange, reply)
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
        out = await self._message(exchange, message)
        return Reply(reply.status, _kept(reply), out.canonical)

    async def events(
        self, exchange: Exchange, chunks: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[tuple[sse.ServerEvent, bool], None]:
        """Inspect a stream; give each event with whether it is the final result.

        Raises:
            BackendFailed: as `body`; also when a call's stream ends without a result.
        """
        parser = sse.Parser(MAX_EVENT)
        wants_result = exchange.message is not None
        async with aclosing(chunks) as source:
            async for chunk in source:
                for event in parser.feed(chunk):
                    out, is_final = await self._event(exchange, event)
                    yield out, is_final
                    if is_final and wants_result:
                        return
        if wants_result:
            raise BackendFailed("the stream ended without a result", reason="stream_cut")

    async def _event(
        self, exchange: Exchange, event: sse.ServerEvent
    ) -> tuple[sse.ServerEvent, bool]:
        exchange.tally.events += 1
        if not event.data:
            return event, False
        if event.event not in {b"", b"message"}:
            raise BackendFailed("an event of an unknown type", reason="foreign_event")
        message = _parsed(event.data)
        is_final = message.kind == "response"
        if is_final and exchange.message is not None and not _is_answer(exchange, message):
            raise BackendFailed("answers another request", reason="foreign_response")
        out = await self._message(exchange, message)
        return sse.ServerEvent(out.canonical, b"message", event.id, event.retry), is_final

    async def _message(self, exchange: Exchange, message: Message) -> Message:
        if message.kind == "request":
            raise BackendFailed(
                f"the backend asks for {message.method[:40]}",
                reason="server_request",
                public="The backend asked the client for something the sidecar does not pass on.",
            )
        masks = exchange.verdict.masks if exchange.verdict else ()
        if message.kind == "notification":
            return _redacted(exchange, message, "params", message.params, masks)
        if "error" in message.body:
            error = message.body["error"]
            exchange.tally.error_code = error.get("code") if type(error.get("code")) is int else 0
            return _redacted(exchange, message, "error", error, masks)
        if exchange.message is not None and not _is_answer(exchange, message):
            raise BackendFailed("answers another request", reason="foreign_response")
        return await self._result(exchange, message, masks)

    async def _result(
        self, exchange: Exchange, message: Message, masks: tuple[Mask, ...]
    ) -> Message:
        result = message.body["result"]
        if exchange.tool is not None:
            return _call_result(exchange, message, result, masks)
        if "tools" in result or exchange.method == "tools/list":
            return await self._list(exchange, message, result)
        if exchange.message is None:
            # A resumed stream: whose result this is cannot be known, so neither can its masks.
            raise BackendFailed("a result on a listening stream", reason="foreign_response")
        return _redacted(exchange, message, "result", result, masks)

    async def _list(self, exchange: Exchange, message: Message, result: JsonObject) -> Message:
        """Decide every tool of a list with one query; keep those the caller may know of."""
        entries = result.get("tools")
        if not isinstance(entries, list) or exchange.caller is None:
            raise BackendFailed("a list without tools", reason="backend_malformed")
        names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
        if not all(isinstance(name, str) for name in names):
            raise BackendFailed("a tool without a name", reason="backend_malformed")
        facts = Facts(
            tools=tuple(self._catalog.find(str(name)) for name in dict.fromkeys(names)),
            caller=exchange.caller,
            method="tools/list",
            protocol=exchange.head.get("mcp-protocol-version"),
            now=self._clock(),
        )
        decision = await self._policy.decide(facts)
        shown = [entry for entry in entries if not decision.of(entry["name"]).is_hidden]
        kept = {entry["name"] for entry in shown}
        exchange.tally.hidden.extend(str(name) for name in names if name not in kept)
        return jsonrpc.message(
            {**message.body, "result": _private({**result, "tools": shown}, exchange)}
        )


def _private(result: JsonObject, exchange: Exchange) -> JsonObject:
    """A filtered list belongs to this caller alone, and not for long (MCP 2026-07-28, caching)."""
    is_modern = exchange.message is not None and edge.is_modern(exchange.message)
    if is_modern or "cacheScope" in result:
        ttl = result.get("ttlMs")
        result["cacheScope"] = "private"
        result["ttlMs"] = min(ttl, MAX_LIST_TTL_MS) if type(ttl) is int and ttl >= 0 else 0
    return result


def _call_result(
    exchange: Exchange, message: Message, result: JsonObject, masks: tuple[Mask, ...]
) -> Message:
    tool, tally = exchange.tool, exchange.tally
    if tool is None:
        raise Unauthenticated("a result without a tool")
    done = redaction.redact(result, tool, masks)
    _tell(exchange, done)
    tally.is_tool_error = result.get("isError") is True
    tally.subjects = exchanges.subjects(tool, exchange.arguments, _payload(result))
    if done.value is result:
        return message
    return jsonrpc.message({**message.body, "result": done.value})


def _payload(result: JsonObject) -> Any:
    """What a call brought: the structured content, else the first text if that is JSON."""
    if "structuredContent" in result:
        return result["structuredContent"]
    blocks = result.get("content")
    first = blocks[0] if isinstance(blocks, list) and blocks else None
    text = first.get("text") if isinstance(first, dict) else None
    if not isinstance(text, str) or not text.startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _redacted(
    exchange: Exchange, message: Message, member: str, value: Any, masks: tuple[Mask, ...]
) -> Message:
    done = redaction.redact_value(value, masks)
    _tell(exchange, done)
    if done.value is value or member not in message.body:
        return message
    return jsonrpc.message({**message.body, member: done.value})


def _tell(exchange: Exchange, done: redaction.Redacted) -> None:
    tally = exchange.tally
    for finding in done.findings:
        tally.found[finding.entity] += 1
    tally.masked.update(done.masked)
    tally.kept.update(done.kept)


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


def _rate_limited(exchange: Exchange, reply: Reply) -> Reply:
    """A 429 passes byte for byte; what the scan finds in it is counted, not altered."""
    for finding in redaction.scan(reply.body.decode("utf-8", "replace")):
        exchange.tally.found[finding.entity] += 1
    names = {"content-type", "retry-after"}
    headers = tuple(h for h in reply.headers if h[0] in names or upstream.is_rate_header(h[0]))
    return Reply(429, headers, reply.body)


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
