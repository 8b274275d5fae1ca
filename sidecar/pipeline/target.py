"""Step 4: what a message is about, as a tool that a decision can be asked about.

A tool's name is looked up in the catalog; a method that is no tool call may be one of the exits; in
discovery exposure the tool and its arguments lie inside the arguments of `call_tool`, and the
decision is about that tool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sidecar import jsonrpc
from sidecar.catalog import EXITS, TO_BACKEND, Tools
from sidecar.errors import Malformed
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Message, Tool
from sidecar.pipeline.waiting import Asked

CALL: Final = "call_tool"
"""Of discovery exposure: calls the tool that its arguments name."""

_INSIDE: Final = frozenset({"tool_name", "arguments"})

LISTERS: Final = frozenset({"search_tools", "get_tool_schema"})
"""Of discovery exposure: their results are lists of tools, and are filtered as lists are."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the decision is about. `is_listing`: the result is a list of tools to be filtered."""

    tool: Tool | None = None
    arguments: JsonObject | None = None
    is_listing: bool = False


def find(exchange: Exchange, tools: Tools, asked: Asked, *, is_discovery: bool) -> Target:
    """Say what a message is about.

    Raises:
        Malformed: a call without a name or with arguments that are no object, an answer that
            nobody waits for.
    """
    message = exchange.message
    if message is None:
        return Target()
    if message.kind == "response":
        return _answered(exchange, message, asked)
    if message.method in TO_BACKEND:
        arguments = {k: v for k, v in message.params.items() if k != "_meta"}
        return Target(EXITS[message.method], arguments)
    if message.method != "tools/call":
        return Target(is_listing=message.method == "tools/list")
    name, arguments = _called(message.params, "name")
    if is_discovery and name in LISTERS:
        return Target(arguments=arguments, is_listing=True)
    if is_discovery and name == CALL:
        if not arguments.keys() <= _INSIDE:
            public = "call_tool takes tool_name and arguments, and nothing else."
            raise Malformed(public, reason="bad_call", code=jsonrpc.INVALID_PARAMS, public=public)
        name, arguments = _called(arguments, "tool_name")
    return Target(tools.find(name, exchange.account), arguments)


def _called(params: JsonObject, member: str) -> tuple[str, JsonObject]:
    name: Any = params.get(member)
    arguments: Any = params.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict):
        public = f"tools/call needs a {member} and an object of arguments."
        raise Malformed(public, reason="bad_call", code=jsonrpc.INVALID_PARAMS, public=public)
    return name, arguments


def _answered(exchange: Exchange, message: Message, asked: Asked) -> Target:
    method = asked.take(exchange, message)
    if method is None:
        raise Malformed("no request of the backend waits for this", reason="unasked_response")
    said = message.body.get("result", message.body.get("error"))
    return Target(EXITS[method], said if isinstance(said, dict) else {})
