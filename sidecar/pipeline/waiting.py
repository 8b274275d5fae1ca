"""What waits for an answer: calls of an agent, and questions of the backend to an agent.

Only sessions of the handshake era have it. In one session an id names one call at a time, since a
server routes its answers by id alone: a second call with an id that is in flight would get the
first one's result, masked by the wrong tool's rules. Everything here is bounded, and bound to a
caller and a session, so that what nobody asked for has no way in, in either direction.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from sidecar.errors import Malformed
from sidecar.exchange import Exchange
from sidecar.model import Message
from sidecar.pipeline.tasks import Tasks, short

_CAPACITY: Final = 10_000
_LATER: Final = frozenset({202, 204})
"""Statuses that say nothing of the result."""

Asker = tuple[tuple[str, ...], str]
"""The caller's principal and the session's id."""

_Value = TypeVar("_Value")


class _Memory(Generic[_Value]):
    """Values by asker and name; the one that waits longest makes room for a new one."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[tuple[Asker, str], _Value] = OrderedDict()

    def put(self, asker: Asker, name: str, value: _Value) -> _Value | None:
        """Hold a value; give the one that had to make room."""
        self._held[(asker, name)] = value
        return self._held.popitem(last=False)[1] if len(self._held) > self._capacity else None

    def get(self, asker: Asker, name: str) -> _Value | None:
        return self._held.get((asker, name))

    def take(self, asker: Asker, name: str) -> _Value | None:
        return self._held.pop((asker, name), None)

    def drain(self) -> list[_Value]:
        held, self._held = list(self._held.values()), OrderedDict()
        return held


def asker(exchange: Exchange) -> Asker:
    """Who waits: the caller, in one session."""
    principal = exchange.caller.principal if exchange.caller else ()
    return principal, exchange.head.get("mcp-session-id")


def _name(message: Message) -> str:
    """An id as servers route by it: 1 and "1" meet in some of them."""
    return str(message.id)


class Waiting:
    """Calls in flight in sessions, until their result has left; and those that became tasks."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._calls: _Memory[Exchange] = _Memory(capacity)
        self._events: _Memory[bool] = _Memory(capacity)
        self.tasks = Tasks(capacity)

    def begin(self, exchange: Exchange) -> Exchange | None:
        """Take the id of a call in a session; give a call that made room and waits no longer.

        Nothing can answer that one any more, so that its outcome is due.

        Raises:
            Malformed: a call with this id is in flight.
            Denied: it is about a task that its caller did not create.
        """
        self.tasks.check(exchange)
        message = exchange.message
        if message is None or message.kind != "request" or not asker(exchange)[1]:
            return None
        if self._calls.get(asker(exchange), _name(message)) is not None:
            public = "A request with this id is in flight in this session."
            raise Malformed(public, reason="id_in_flight", public=public)
        gone = self._calls.put(asker(exchange), _name(message), _light(exchange))
        return gone if gone is not None and gone.tally.is_waiting else None

    def holds(self, exchange: Exchange) -> bool:
        """Whether a call's result may come on another stream: where it is in a session."""
        message = exchange.message
        held = self._calls.get(asker(exchange), _name(message)) if message else None
        return held is not None and held.id == exchange.id

    def end(self, exchange: Exchange, response: Message) -> Exchange | None:
        """The call that a response answers, whose id is free again; None if none waits for it."""
        waiting = self._calls.get(asker(exchange), _name(response))
        asked = waiting.message if waiting is not None else None
        if asked is None or type(asked.id) is not type(response.id):
            return None
        return self._calls.take(asker(exchange), _name(response))

    def release(self, exchange: Exchange) -> None:
        """Free the id of a call for which nothing can come any more.

        It never left, or the backend answered it whole: with a 429 or an error page, say. After a
        time-out or a stream that broke off the result may still come, so the id stays taken.
        """
        message, reply = exchange.message, exchange.reply
        is_answered = reply is not None and reply.stream is None and reply.status not in _LATER
        if message is None or not (is_answered or not exchange.tally.is_intent_recorded):
            return
        if self.holds(exchange):
            self._calls.take(asker(exchange), _name(message))

    def relayed(self, exchange: Exchange, event_id: bytes) -> None:
        """Remember the id of an event that went to this caller."""
        if asker(exchange)[1]:
            self._events.put(asker(exchange), event_id.decode("latin-1"), True)

    def check_resumed(self, exchange: Exchange) -> None:
        """Refuse to resume after an event that never went to this caller.

        Raises:
            Malformed: `Last-Event-ID` names such an event.
        """
        event_id = exchange.head.get("last-event-id")
        if event_id and self._events.get(asker(exchange), event_id) is None:
            public = "Last-Event-ID names no event of this session."
            raise Malformed(public, reason="unknown_event", public=public)

    def drain(self) -> list[Exchange]:
        """Every call that still waits, for its outcome to be written at the end."""
        return self._calls.drain()


class Asked:
    """Questions that were passed on to an agent, by the method that was asked."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._questions: _Memory[tuple[type, str]] = _Memory(capacity)

    def add(self, exchange: Exchange, question: Message) -> None:
        """Remember a question that goes to the agent on this exchange's stream."""
        self._questions.put(asker(exchange), _name(question), (type(question.id), question.method))

    def take(self, exchange: Exchange, response: Message) -> str | None:
        """The method that an agent's response answers, once; None if nobody asked."""
        found = self._questions.get(asker(exchange), _name(response))
        if found is None or found[0] is not type(response.id):
            return None
        self._questions.take(asker(exchange), _name(response))
        return found[1]


def _light(exchange: Exchange) -> Exchange:
    """A call without its texts: what masks and subjects of its result are made by."""
    message = exchange.message
    if message is None:
        return exchange
    head = Message(message.kind, {}, b"", message.method, message.id)
    kept = short(exchange.arguments)
    return exchange._replace(message=head, arguments=kept, facts=None, findings=())
