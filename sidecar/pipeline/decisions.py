"""Step 6: the facts of one message, with its caller's past, put to policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sidecar import exchange as exchanges
from sidecar.errors import Unauthenticated
from sidecar.exchange import Exchange
from sidecar.model import Caller, JsonObject
from sidecar.pipeline.history import Entry, History
from sidecar.pipeline.organs import Organs
from sidecar.policy import Facts

_ABOUT_TOOLS: Final = frozenset({"tools/call", "tools/list"})


class Decisions:
    """Decides messages of callers; `clock` gives the time that rules see."""

    def __init__(self, organs: Organs, history: History, clock: Callable[[], datetime]) -> None:
        self._organs = organs
        self._history = history
        self._clock = clock

    async def decide(self, exchange: Exchange) -> Exchange:
        """Ask policy once, with all that is known.

        Raises:
            Unauthenticated: nobody was verified.
            OrganDown: the engine failed, or the account is not there any more.
        """
        # Before anything is asked or written on behalf of an account that is not there any more.
        self._organs.backends.of(exchange.account)
        exchange = await self._surveyed(exchange)
        tool, caller = exchange.tool, exchange.caller
        if caller is None:
            raise Unauthenticated("no verified caller")
        recent, entry = self._recent(exchange, caller)
        facts = Facts(
            tools=(tool,) if tool else (),
            caller=caller,
            method=exchange.method,
            protocol=exchange.protocol,
            now=self._clock(),
            arguments=exchange.arguments if tool else None,
            findings=exchange.findings,
            recent=recent,
        )
        is_allowed = False
        started = time.perf_counter()
        try:
            decision = await self._organs.policy.decide(facts)
            is_allowed = tool is not None and decision.of(tool.name).is_allowed
        finally:
            if entry is not None and not is_allowed:
                self._history.take_back(entry)
        took = round((time.perf_counter() - started) * 1e6)
        return exchange._replace(facts=facts, decision=decision, decide_us=took)

    def _recent(self, exchange: Exchange, caller: Caller) -> tuple[JsonObject, Entry | None]:
        """The caller's past, with a call entered into it in the same breath."""
        tool = exchange.tool
        if tool is None or exchange.method != "tools/call":
            return self._history.of(caller), None
        named = exchanges.subjects(tool, exchange.arguments)
        return self._history.enter(caller, tool, named)

    async def _surveyed(self, exchange: Exchange) -> Exchange:
        """Whether a tool is pinned can be told only once the account's list was read."""
        surveys, tool, account = self._organs.surveys, exchange.tool, exchange.account
        if surveys is None or exchange.method not in _ABOUT_TOOLS or surveys.of(account).is_done:
            return exchange
        await surveys.of(account).ensure()
        found = self._organs.tools.find(tool.name, account) if tool else None
        return exchange._replace(tool=found)
