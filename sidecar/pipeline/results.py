"""What step 9 makes of one result, error or notification: masked, counted, whose data it is."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

import orjson

from sidecar import exchange as exchanges
from sidecar import jsonrpc, redaction, upstream
from sidecar.catalog.pins import REVIEWED
from sidecar.errors import BackendFailed, Malformed, Refusal
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Mask, Message, Reply, Tool

_CALLED: Final = frozenset({"content", "structuredContent", "isError", "resultType", "tools"})
_LISTED: Final = frozenset({"tools", "nextCursor", "resultType", "ttlMs", "cacheScope", "_meta"})
_ENTRY: Final = frozenset({"name", *REVIEWED})
_OF_MCP: Final = frozenset({401, 403, 404, 405})
_INLINED: Final = frozenset({"result", "error"})
_STATE: Final = _INLINED | {"taskId", "status", "statusMessage", "inputRequests", "tools", "_meta"}
_TOOLS: Final = b'"tools":['
"""How a list of tools stands in our own JSON; inside a string its quotes would be escaped."""


class Results:
    """Step 9 of single messages; `redactor` masks and counts."""

    def __init__(self, redactor: redaction.Redactor) -> None:
        self._redactor = redactor

    async def of_call(self, exchange: Exchange, asked: Exchange, message: Message) -> Message:
        """Mask a call's result by the paths and masks of the tool that was called.

        Raises:
            BackendFailed: a member looks like another one, so that some client would read it
                instead.
        """
        result = message.body["result"]
        shown = await self._called(exchange, asked, result)
        return message if shown is result else jsonrpc.message({**message.body, "result": shown})

    async def _called(self, exchange: Exchange, asked: Exchange, result: JsonObject) -> JsonObject:
        if jsonrpc.has_look_alike(result, _CALLED):
            raise _odd("a member of the result looks like another one")
        tool = asked.tool or Tool(asked.method)
        done = await self._redactor.redact(result, tool, _masks(asked))
        _count(exchange, done)
        is_error = result.get("isError") is True
        exchange.tally.is_tool_error = is_error
        exchange.tally.is_rate_limited = is_error and any(map(_is_429, done.payloads))
        _about(exchange, tool, asked.arguments, done.payloads, is_error=is_error)
        is_personal = bool(done.findings and tool.subjects)
        exchange.tally.has_unknown_subjects = is_personal and not exchange.tally.subjects
        shown: JsonObject = done.value
        return shown

    async def task(self, asked: Exchange, state: JsonObject) -> JsonObject:
        """Mask what is said of a task: its result and error as those of the call that it came from.

        Raises:
            BackendFailed: a list of tools stands in it, a member looks like another one, or result
                or error is no object.
        """
        around = {key: value for key, value in state.items() if key not in _INLINED}
        if jsonrpc.has_look_alike(state, _STATE) or _TOOLS in jsonrpc.dumps(around):
            raise _odd("the state of a task in no known form")
        done = await self._redactor.redact_value(around, _masks(asked))
        _count(asked, done)
        if done.value.keys() != around.keys():
            raise _odd("personal data as the name of a member")
        shown: JsonObject = dict(done.value)
        for member in _INLINED & state.keys():
            inner = state[member]
            if not isinstance(inner, dict) or "tools" in inner:
                raise _odd(f"the {member} of a task in no known form")
            make = self._called if member == "result" else self._error
            shown[member] = await make(asked, asked, inner)
        return {key: shown[key] for key in state}

    async def redacted(
        self, exchange: Exchange, message: Message, member: str, value: Any, masks: tuple[Mask, ...]
    ) -> Message:
        """Mask one member of a message by its content."""
        done = await self._redactor.redact_value(value, masks)
        _count(exchange, done)
        if done.value is value or member not in message.body:
            return message
        return jsonrpc.message({**message.body, member: done.value})

    async def of_error(self, exchange: Exchange, asked: Exchange, message: Message) -> Message:
        """Mask an error: its data by the paths of the tool that was called, all of it by content.

        Raises:
            BackendFailed: a list of tools stands in it.
        """
        if _TOOLS in message.canonical:
            raise _odd("a list of tools in an error")
        error = message.body["error"]
        shown = await self._error(exchange, asked, error)
        return message if shown is error else jsonrpc.message({**message.body, "error": shown})

    async def _error(self, exchange: Exchange, asked: Exchange, error: JsonObject) -> JsonObject:
        exchange.tally.is_rate_limited = _is_429(error.get("data"))
        if asked.tool is not None:
            _about(exchange, asked.tool, asked.arguments, [error.get("data")], is_error=True)
        if asked.tool is None or "data" not in error:
            done = await self._redactor.redact_value(error, _masks(asked))
            _count(exchange, done)
            shown: JsonObject = done.value
            return shown
        around = {key: value for key, value in error.items() if key != "data"}
        whole = {"error": around, "structuredContent": error["data"]}
        done = await self._redactor.redact(whole, asked.tool, _masks(asked))
        _count(exchange, done)
        return {**done.value["error"], "data": done.value["structuredContent"]}

    async def of_notification(
        self, exchange: Exchange, message: Message, masks: tuple[Mask, ...]
    ) -> Message:
        """Mask a notification: its data by the paths of the tool that was called, all by content.

        Raises:
            BackendFailed: a list of tools stands in it, or personal data in its name.
        """
        if _TOOLS in message.canonical or redaction.scan(message.method):
            raise _odd("a notification of what is no business of one")
        params = message.params
        if exchange.tool is None or "data" not in params:
            return await self.redacted(exchange, message, "params", params, masks)
        around = {key: value for key, value in params.items() if key != "data"}
        whole = {"params": around, "structuredContent": params["data"]}
        done = await self._redactor.redact(whole, exchange.tool, masks)
        _count(exchange, done)
        if done.value is whole:
            return message
        shown = {**done.value["params"], "data": done.value["structuredContent"]}
        return jsonrpc.message({**message.body, "params": shown})

    async def listed(self, exchange: Exchange, result: JsonObject) -> JsonObject:
        """A filtered list of tools without what belongs to no list, and masked around the tools.

        What is reviewed of a tool stays as it is: a mask would break a schema.

        Raises:
            BackendFailed: it is a list and something else besides, or reads as another list.
        """
        is_list = result.get("resultType", "complete") == "complete"
        if not is_list or not isinstance(result.get("nextCursor", ""), str | None):
            raise _odd("a list that is not only a list")
        around = {key: result[key] for key in ("_meta",) if key in result}
        if _TOOLS in jsonrpc.dumps(around) or jsonrpc.has_look_alike(result, _LISTED):
            raise _odd("a list of tools beside the list of tools")
        kept = {key: value for key, value in result.items() if key in _LISTED}
        tools = [await self._entry(exchange, entry) for entry in result["tools"]]
        return {**kept, **await self._masked(exchange, around), "tools": tools}

    async def _entry(self, exchange: Exchange, entry: JsonObject) -> JsonObject:
        """An entry of a list, masked where it was not reviewed."""
        if jsonrpc.has_look_alike(entry, _ENTRY):
            raise _odd("a member of a tool looks like another one")
        return {
            **entry,
            **await self._masked(exchange, {k: v for k, v in entry.items() if k not in _ENTRY}),
        }

    async def _masked(self, exchange: Exchange, members: JsonObject) -> JsonObject:
        if not members:
            return members
        done = await self._redactor.redact_value(members, ())
        _count(exchange, done)
        # A member whose name was masked would stay beside its other self.
        if done.value.keys() != members.keys():
            raise _odd("personal data as the name of a member")
        masked: JsonObject = done.value
        return masked

    async def rate_limited(self, exchange: Exchange, reply: Reply) -> Reply:
        """Pass a 429 byte for byte; what the scan finds in it is counted, not altered.

        A compressed body, or one that the scan gives up on, passes uncounted.
        """
        exchange.tally.scan = "unscannable"
        if reply.get("content-encoding", "identity").lower() == "identity":
            with contextlib.suppress(Refusal):
                text = reply.body.decode("utf-8", "replace")
                for finding in await self._redactor.scan(text, len(reply.body)):
                    exchange.tally.found[finding.entity] += 1
                exchange.tally.scan = "scanned"
        names = {"content-type", "content-encoding", "retry-after"}
        headers = tuple(h for h in reply.headers if h[0] in names or upstream.is_rate_header(h[0]))
        return Reply(429, headers, reply.body)


def _about(
    exchange: Exchange,
    tool: Tool,
    arguments: JsonObject,
    payloads: Sequence[Any],
    *,
    is_error: bool,
) -> None:
    """Note whose data came back; of a customer who was merged into another, both."""
    tally = exchange.tally
    tally.merged = exchanges.merges(tool, arguments, payloads, is_error=is_error)
    met = exchanges.subjects(tool, arguments, payloads)
    new = [{"kind": "customer", "id": merge["to"]} for merge in tally.merged]
    tally.subjects = [*met, *(one for one in new if one not in met)]


def vendors_error(exchange: Exchange, reply: Reply) -> Message | None:
    """A vendor's error that is the HTTP answer to a call, as the JSON-RPC error it might have been.

    Some platforms answer so. It gets HTTP 200, since official clients make of any other status an
    exception that hides the body from a model. MCP gives 401, 403, 404, 405 and all of 5xx a
    meaning of their own: there the platform must say that the error came from the vendor.
    """
    asked = exchange.message
    is_call = asked is not None and asked.method == "tools/call" and asked.id is not None
    if asked is None or not is_call or reply.status < 400:  # noqa: PLR2004
        return None
    try:
        envelope = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(envelope, dict) or envelope.get("statusCode") != reply.status:
        return None
    is_ambiguous = reply.status in _OF_MCP or reply.status >= 500  # noqa: PLR2004
    if is_ambiguous and envelope.get("truto_is_remote_error") is not True:
        return None
    text = f"The backend answered HTTP {reply.status}; data holds what it said."
    error = {"code": jsonrpc.INTERNAL_ERROR, "message": text, "data": envelope}
    try:
        return jsonrpc.message({"jsonrpc": "2.0", "id": asked.id, "error": error})
    except Malformed:
        return None


def _odd(detail: str) -> BackendFailed:
    return BackendFailed(detail, reason="backend_malformed")


def _is_429(envelope: Any) -> bool:
    """Whether a backend that frames a vendor's errors inside MCP frames a 429 here."""
    return isinstance(envelope, dict) and envelope.get("statusCode") == 429  # noqa: PLR2004 - RFC 6585


def _masks(asked: Exchange) -> tuple[Mask, ...]:
    return asked.verdict.masks if asked.verdict else ()


def _count(exchange: Exchange, done: redaction.Redacted) -> None:
    tally = exchange.tally
    tally.scan = "scanned"
    for finding in done.findings:
        tally.found[finding.entity] += 1
    tally.masked.update(done.masked)
    tally.kept.update(done.kept)
