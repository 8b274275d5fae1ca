"""What step 9 makes of one result, error or notification: masked, counted, whose data it is."""

from __future__ import annotations

from typing import Any

import orjson

from sidecar import exchange as exchanges
from sidecar import jsonrpc, redaction, upstream
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Mask, Message, Reply, Tool


def of_call(exchange: Exchange, asked: Exchange, message: Message) -> Message:
    """Mask a call's result by the paths and masks of the tool that was called."""
    result = message.body["result"]
    tool = asked.tool or Tool(asked.method)
    masks = asked.verdict.masks if asked.verdict else ()
    done = redaction.redact(result, tool, masks)
    _count(exchange, done)
    exchange.tally.is_tool_error = result.get("isError") is True
    exchange.tally.subjects = exchanges.subjects(tool, asked.arguments, _payload(result))
    if done.value is result:
        return message
    return jsonrpc.message({**message.body, "result": done.value})


def redacted(
    exchange: Exchange, message: Message, member: str, value: Any, masks: tuple[Mask, ...]
) -> Message:
    """Mask one member of a message by its content."""
    done = redaction.redact_value(value, masks)
    _count(exchange, done)
    if done.value is value or member not in message.body:
        return message
    return jsonrpc.message({**message.body, member: done.value})


def rate_limited(exchange: Exchange, reply: Reply) -> Reply:
    """Pass a 429 byte for byte; what the scan finds in it is counted, not altered."""
    for finding in redaction.scan(reply.body.decode("utf-8", "replace")):
        exchange.tally.found[finding.entity] += 1
    names = {"content-type", "retry-after"}
    headers = tuple(h for h in reply.headers if h[0] in names or upstream.is_rate_header(h[0]))
    return Reply(429, headers, reply.body)


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


def _count(exchange: Exchange, done: redaction.Redacted) -> None:
    tally = exchange.tally
    for finding in done.findings:
        tally.found[finding.entity] += 1
    tally.masked.update(done.masked)
    tally.kept.update(done.kept)
