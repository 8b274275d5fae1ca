"""What each caller did at each endpoint within the last hour, for rules about how much and when.

Theory of operation. A call is entered before it is decided and taken back when it is refused, with
no pause between reading and entering: calls that run at the same time see one another, so that a
budget cannot be passed by asking many things at once. What a result showed is entered before the
result leaves. All of it is memory of this process: bounded, shared by nobody, gone at a restart.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from sidecar.model import Caller, JsonObject, Tool

WINDOW: Final = 3600.0
"""Seconds that the history reaches back."""

MOST: Final = 10_000
"""Callers that are remembered, and calls and customers of each. Of more, the oldest are lost."""

_CUSTOMER: Final = "customer"


@dataclass(frozen=True, slots=True)
class Entry:
    """One call in the history, to be taken back if it is refused."""

    principal: tuple[str, ...]
    at: float
    is_write: bool
    named: tuple[str, ...]


@dataclass(slots=True)
class _Past:
    calls: deque[float] = field(default_factory=lambda: deque(maxlen=MOST))
    writes: deque[float] = field(default_factory=lambda: deque(maxlen=MOST))
    customers: OrderedDict[str, float] = field(default_factory=OrderedDict)
    text_read: float | None = None

    def forget(self, before: float) -> None:
        for times in (self.calls, self.writes):
            while times and times[0] < before:
                times.popleft()
        while self.customers and next(iter(self.customers.values())) < before:
            self.customers.popitem(last=False)
        if self.text_read is not None and self.text_read < before:
            self.text_read = None

    def see(self, customer: str, at: float) -> None:
        self.customers[customer] = at
        self.customers.move_to_end(customer)
        if len(self.customers) > MOST:
            self.customers.popitem(last=False)


class History:
    """The pasts of all callers. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pasts: OrderedDict[tuple[str, ...], _Past] = OrderedDict()

    def of(self, caller: Caller) -> JsonObject:
        """The caller's past as `input.recent`, without a call of its own."""
        return self._told(self._past(caller.principal), ())

    def enter(
        self, caller: Caller, tool: Tool, subjects: Iterable[JsonObject]
    ) -> tuple[JsonObject, Entry]:
        """The past before this call, as `input.recent`, and the call entered into it.

        `subjects` are those that the arguments name.
        """
        past = self._past(caller.principal)
        named = tuple(_customers(subjects))
        told = self._told(past, named)
        told["opens_customers"] = not named and _opens(tool)
        entry = Entry(caller.principal, self._clock(), tool.effect != "read", named)
        new = tuple(customer for customer in named if customer not in past.customers)
        past.calls.append(entry.at)
        if entry.is_write:
            past.writes.append(entry.at)
        for customer in named:
            past.see(customer, entry.at)
        return told, Entry(entry.principal, entry.at, entry.is_write, new)

    def take_back(self, entry: Entry) -> None:
        """Undo an entry whose call never left."""
        past = self._pasts.get(entry.principal)
        if past is None:
            return
        for times in (past.calls, *([past.writes] if entry.is_write else [])):
            if entry.at in times:
                times.remove(entry.at)
        for customer in entry.named:
            if past.customers.get(customer) == entry.at:
                del past.customers[customer]

    def saw(self, caller: Caller, tool: Tool, subjects: Iterable[JsonObject]) -> None:
        """Enter what a result shows: whose data it is, and whether customers wrote in it."""
        past = self._past(caller.principal)
        now = self._clock()
        for customer in _customers(subjects):
            past.see(customer, now)
        if tool.customer_text:
            past.text_read = now

    def _past(self, principal: tuple[str, ...]) -> _Past:
        past = self._pasts.setdefault(principal, _Past())
        self._pasts.move_to_end(principal)
        if len(self._pasts) > MOST:
            self._pasts.popitem(last=False)
        past.forget(self._clock() - WINDOW)
        return past

    def _told(self, past: _Past, named: tuple[str, ...]) -> JsonObject:
        read = past.text_read
        return {
            "window_seconds": int(WINDOW),
            "calls": len(past.calls),
            "writes": len(past.writes),
            "customers": len(past.customers),
            "new_customers": sum(customer not in past.customers for customer in named),
            "opens_customers": False,
            "customer_text_seconds": None if read is None else round(self._clock() - read, 3),
        }


def _customers(subjects: Iterable[JsonObject]) -> Iterable[str]:
    return dict.fromkeys(s["id"] for s in subjects if s["kind"] == _CUSTOMER)


def _opens(tool: Tool) -> bool:
    """Whether a result may show customers that nobody named."""
    return any(s.kind == _CUSTOMER and s.source == "result" for s in tool.subjects)
