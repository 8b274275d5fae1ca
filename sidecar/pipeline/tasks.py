"""Tasks: calls that were not answered at once, and whose they are.

The reply to a call may name a task instead of a result: in 2025-11-25 because the caller asked for
one, in the extension of 2026-07-28 because the backend chose to. The result comes by another method
later. So the id is bound to the caller whose call it came from, anybody else's is as unknown as an
invented one, and what is said of a task is masked as its call's result would have been.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeGuard

from sidecar import edge, jsonrpc
from sidecar.errors import BackendFailed, Malformed
from sidecar.exchange import Exchange, answers
from sidecar.model import Decision, JsonObject, Message, Tool
from sidecar.pipeline.results import Results

_ONE: Final = frozenset({"tasks/get", "tasks/result", "tasks/update", "tasks/cancel"})
_METHODS: Final = _ONE | {"tasks/list"}
_EXTENSION: Final = "io.modelcontextprotocol/tasks"
_NOTICES: Final = "notifications/tasks"
_LISTED: Final = frozenset({"tasks", "nextCursor", "resultType", "ttlMs", "cacheScope", "_meta"})
_LONGEST: Final = 64
"""Characters of an argument that is kept of a call: ids are shorter, texts are not."""
_LONGEST_ID: Final = 256


class _Call(NamedTuple):
    tool: Tool
    decision: Decision
    arguments: JsonObject
    ends: float


class Tasks:
    """A bounded memory. The longest unused task makes room; times are in seconds from last use."""

    def __init__(
        self,
        capacity: int = 10_000,
        ttl_s: float = 86_400.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._clock = clock
        self._calls: OrderedDict[tuple[tuple[str, ...], str], _Call] = OrderedDict()

    def created(self, exchange: Exchange, result: JsonObject) -> None:
        """Bind the task that a call's result names, if it names one, to the caller."""
        named = result if result.get("resultType") == "task" else result.get("task")
        found = named.get("taskId") if isinstance(named, dict) else None
        caller, tool, decision = exchange.caller, exchange.tool, exchange.decision
        if not _is_id(found) or caller is None or tool is None or decision is None:
            return
        ends = self._clock() + self._ttl_s
        call = _Call(tool, decision, short(exchange.arguments), ends)
        self._calls[(caller.principal, found)] = call
        self._calls.move_to_end((caller.principal, found))
        if len(self._calls) > self._capacity:
            self._calls.popitem(last=False)

    def check(self, exchange: Exchange) -> None:
        """Let a message pass that is about no task, or about one of its caller's own.

        Raises:
            Denied: as not found, if this caller created no such task, or too long ago; as unknown,
                if it is a method that the extension has no more.
            Malformed: -32021, from a client that did not declare the extension.
        """
        message = exchange.message
        if message is None or message.method not in _ONE:
            return
        if edge.is_modern(message):
            # Before the id, as a backend would: such a client knows of no task.
            if message.method == "tasks/result":
                raise answers.unknown_method(exchange)
            _check_declared(message)
        if self._of(exchange, message.params.get("taskId")) is None:
            raise answers.unfound(exchange)

    def as_called(self, asked: Exchange) -> Exchange:
        """An exchange about a task as its call was: with that tool, verdict and arguments.

        Raises:
            BackendFailed: the task is known no more.
        """
        if asked.method not in _ONE:
            return asked
        call = self._of(asked, asked.arguments.get("taskId"))
        if call is None:
            raise BackendFailed("about a task of nobody", reason="foreign_response")
        return call

    async def shown(self, asked: Exchange, message: Message, results: Results) -> Message | None:
        """A result about tasks, masked, and a list without those of others; None for other results.

        Raises:
            BackendFailed: it is no such result.
        """
        result = message.body["result"]
        if asked.method not in _METHODS:
            return None
        if asked.method == "tasks/result":
            return await results.of_call(asked, asked, message)
        is_list = asked.method == "tasks/list"
        make = self._listed(asked, result, results) if is_list else results.task(asked, result)
        return jsonrpc.message({**message.body, "result": await make})

    async def notice(
        self, exchange: Exchange, message: Message, results: Results
    ) -> Message | None:
        """A notification about a task, masked; None if it is not the caller's own."""
        call = self._of(exchange, message.params.get("taskId"))
        if call is None:
            return None
        return jsonrpc.message({**message.body, "params": await results.task(call, message.params)})

    async def _listed(self, asked: Exchange, result: JsonObject, results: Results) -> JsonObject:
        entries = result.get("tasks")
        is_list = isinstance(entries, list) and all(isinstance(e, dict) for e in entries)
        if not isinstance(entries, list) or not is_list or not result.keys() <= _LISTED:
            raise BackendFailed("no list of tasks", reason="backend_malformed")
        own = [(self._of(asked, entry.get("taskId")), entry) for entry in entries]
        shown = [await results.task(call, entry) for call, entry in own if call is not None]
        around = await results.task(asked, {k: v for k, v in result.items() if k != "tasks"})
        return {**around, "tasks": shown}

    def _of(self, exchange: Exchange, task_id: Any) -> Exchange | None:
        """The call that a task came from, on the exchange that is about it now."""
        if not _is_id(task_id) or exchange.caller is None:
            return None
        key = (exchange.caller.principal, task_id)
        call, now = self._calls.get(key), self._clock()
        if call is None or now >= call.ends:
            self._calls.pop(key, None)
            return None
        self._calls[key] = call._replace(ends=now + self._ttl_s)
        self._calls.move_to_end(key)
        return exchange._replace(tool=call.tool, decision=call.decision, arguments=call.arguments)


def is_notice(message: Message) -> bool:
    """Whether a notification tells of a task."""
    return message.method == _NOTICES or message.method.startswith(_NOTICES + "/")


def _check_declared(message: Message) -> None:
    declared: Any = message.params["_meta"].get("io.modelcontextprotocol/clientCapabilities")
    extensions = declared.get("extensions") if isinstance(declared, dict) else None
    if not isinstance(extensions, dict) or _EXTENSION not in extensions:
        raise Malformed(
            "tasks without the extension",
            reason="capability_missing",
            code=jsonrpc.MISSING_CAPABILITY,
            public=f"The client did not declare the extension {_EXTENSION}.",
            data={"requiredCapabilities": {"extensions": {_EXTENSION: {}}}},
        )


def short(arguments: JsonObject) -> JsonObject:
    """Arguments without their texts: what masks and subjects of a result are made by."""
    return {
        name: value
        for name, value in arguments.items()
        if isinstance(value, str) and len(value) <= _LONGEST
    }


def _is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID
