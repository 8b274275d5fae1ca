"""A refusal as the caller sees it: which status, which error, and never a value.

The README's table of refusals is checked against what is here.
"""

from __future__ import annotations

from sidecar import edge, jsonrpc, redaction
from sidecar.errors import Denied, NotFound, Refusal
from sidecar.exchange.names import shown_code
from sidecar.exchange.state import Exchange
from sidecar.model import Denial, JsonObject, Reply

EVENT_KEY = "gladly-mcp-sidecar/event"
"""Key in `_meta` under which a refusal carries the id for `sidecar audit show ID`."""

_JSON = (("content-type", "application/json"),)


def answer(exchange: Exchange, refusal: Refusal) -> Reply:
    """Put a refusal into the form that its kind and the caller's revision of MCP call for."""
    if isinstance(refusal, NotFound):
        # Unknown, expired and revoked: the same bytes, so no id that would tell them apart.
        return Reply(404, _JSON, jsonrpc.error(_id(exchange), refusal.code, refusal.public))
    if isinstance(refusal, Denied):
        return _denied(exchange, refusal)
    meta: JsonObject = {"_meta": {EVENT_KEY: exchange.id}}
    data = {**meta, **refusal.data} if refusal.data else meta
    body = jsonrpc.error(_id(exchange), refusal.code, refusal.public, data)
    return Reply(refusal.status, _JSON + refusal.headers, body)


def unknown_tool(name: str) -> Denied:
    """The one refusal of a tool that is unknown or hidden: nobody can tell which.

    A stranger chose the name, and clients log errors, so that it is scrubbed (invariant 4).
    """
    public = f"Unknown tool: {redaction.scrub(name)}"
    return Denied("tool unknown or hidden", reason="tool_hidden", public=public)


def refused_call(exchange: Exchange, denials: tuple[Denial, ...]) -> Denied:
    """The refusal of a listed tool for these arguments, in words a model can act on.

    Rules make the words, and may have put in what they refuse: no value of an argument is told.
    """
    texts = redaction.unsayable(exchange.arguments, exchange.findings)
    said = (
        (shown_code(d.code), redaction.unsaid(f"{d.message} {d.remedy}", texts)) for d in denials
    )
    text = " ".join(f"{code}: {words}" for code, words in said)
    return Denied(text, reason="arguments_refused", public=text)


def unknown_method(exchange: Exchange) -> Denied:
    """The refusal of a method that is not passed on, as each revision wants it."""
    message = exchange.message
    is_modern = message is not None and edge.is_modern(message)
    return Denied(
        "method not passed on",
        reason="method_refused",
        public="Method not found",
        code=jsonrpc.METHOD_NOT_FOUND,
        status=404 if is_modern else 200,
    )


def unfound(exchange: Exchange) -> Denied:
    """The refusal of one prompt, resource, completion or task, whose method is passed on."""
    message = exchange.message
    is_resource = message is not None and message.method.startswith("resources/")
    is_legacy = message is not None and not edge.is_modern(message)
    return Denied(
        "refused for these parameters",
        reason="unfound",
        public="Not found.",
        code=jsonrpc.RESOURCE_NOT_FOUND if is_resource and is_legacy else jsonrpc.INVALID_PARAMS,
    )


def _denied(exchange: Exchange, refusal: Denied) -> Reply:
    request_id = _id(exchange)
    meta: JsonObject = {"_meta": {EVENT_KEY: exchange.id}}
    if request_id is None:
        is_answer = exchange.message is not None and exchange.message.kind == "response"
        body = jsonrpc.error(None, jsonrpc.INVALID_REQUEST, refusal.public, meta)
        return Reply(400, _JSON, body) if is_answer else Reply(202)
    if refusal.reason != "arguments_refused":
        body = jsonrpc.error(request_id, refusal.code, refusal.public, meta)
        return Reply(refusal.status, _JSON, body)
    result: JsonObject = {
        "content": [{"type": "text", "text": refusal.public}],
        "isError": True,
        **meta,
    }
    if exchange.message is not None and edge.is_modern(exchange.message):
        result["resultType"] = "complete"
    return Reply(200, _JSON, jsonrpc.result(request_id, result))


def _id(exchange: Exchange) -> str | int | None:
    message = exchange.message
    return message.id if message is not None and message.kind == "request" else None
