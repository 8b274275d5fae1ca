"""What waits for an answer: calls of an agent, and questions of the backend to an agent.

Both are bounded memories, bound to a caller and a session: what nobody asked for has no way in, in
either direction. Only the handshake era needs them; without a session nothing is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from sidecar.exchange import Exchange
from sidecar.model import Message

_CAPACITY: Final = 1000

Asker = tuple[tuple[str, str, str, str], str]
"""The caller's principal and the session's id."""

_Value = TypeVar("_Value")


class _Memory(Generic[_Value]):
    """Values by asker and JSON-RPC id; the one that waits longest makes room for a new one."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[tuple[Asker, str, str | int | None], _Value] = OrderedDict()

    def put(self, asker: Asker, message: Message, value: _Value) -> None:
        self._held[(asker, type(message.id).__name__, message.id)] = value
        if len(self._held) > self._capacity:
            self._held.popitem(last=False)

    def take(self, asker: Asker, message: Message) -> _Value | None:
        return self._held.pop((asker, type(message.id).__name__, message.id), None)


def asker(exchange: Exchange) -> Asker:
    """Who waits: the caller, in one session."""
    principal = exchange.caller.principal if exchange.caller else ("", "", "", "")
    return principal, exchange.head.get("mcp-session-id")


class Waiting:
    """Calls whose result may come on another stream of the same session."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._calls: _Memory[Exchange] = _Memory(capacity)

    def add(self, exchange: Exchange) -> None:
        """Remember a call that has begun to stream, if its session lets it be resumed."""
        message = exchange.message
        if message is not None and message.kind == "request" and asker(exchange)[1]:
            self._calls.put(asker(exchange), message, exchange)

    def take(self, exchange: Exchange, response: Message) -> Exchange | None:
        """The call that a response on this stream answers, once; None if there is none."""
        return self._calls.take(asker(exchange), response)


class Asked:
    """Questions that were passed on to an agent, by the method that was asked."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._questions: _Memory[str] = _Memory(capacity)

    def add(self, exchange: Exchange, question: Message) -> None:
        """Remember a question that goes to the agent on this exchange's stream."""
        self._questions.put(asker(exchange), question, question.method)

    def take(self, exchange: Exchange, response: Message) -> str | None:
        """The method that an agent's response answers, once; None if nobody asked."""
        return self._questions.take(asker(exchange), response)
