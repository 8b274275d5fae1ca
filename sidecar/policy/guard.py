"""The blast radius of a new policy, told before it decides: which of the last decisions would turn.

Both policies judge the same facts, as they were: what decides now, and what would. A sidecar that
has decided next to nothing has no such facts, and would take up a policy that refuses everything
while everybody sleeps: there both judge the catalog, as it would be listed at each endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sidecar.errors import OrganDown
from sidecar.model import Caller, Endpoint, Tool
from sidecar.policy.decide import Engine, decided
from sidecar.policy.facts import Facts
from sidecar.policy.window import Window

FEWEST: Final = 10
"""Decisions that tell something; with fewer, the catalog is judged instead."""

MOST: Final = 32
"""Endpoints at which the catalog is judged: a millisecond or two each."""


@dataclass(frozen=True, slots=True)
class Turned:
    """How many were judged by both, and how many of them only one of the two allows."""

    judged: int
    refused: int
    allowed: int
    what: str = "recent decisions"

    @property
    def share(self) -> float:
        """The part that turns, from 0 to 1."""
        return (self.refused + self.allowed) / self.judged if self.judged else 0.0

    def __str__(self) -> str:
        ways = {"refused": self.refused, "allowed": self.allowed}
        how = ", ".join(f"{count} newly {way}" for way, count in ways.items() if count)
        turned = f"{self.refused + self.allowed} of {self.judged} {self.what}"
        return f"{turned} ({how})" if how else turned


class Guard:
    """Judges what a new policy would turn. `timeout` is seconds for one decision.

    More than `share` of what was judged, from 0 to 1, is too much. `lists` are judged where the
    window holds next to nothing; see `listed`.
    """

    def __init__(
        self, window: Window, share: float, timeout: float, lists: Sequence[Facts]
    ) -> None:
        self._window = window
        self._share = share
        self._timeout = timeout
        self._lists = lists

    def is_too_much(self, turned: Turned) -> bool:
        """Whether so much turns that somebody should confirm it first."""
        return turned.share > self._share

    async def judge(self, live: Engine, new: Engine) -> Turned:
        """Let both judge, and the event loop breathe after each decision."""
        if len(self._window) < FEWEST:
            return await self._catalog(live, new)
        judged = refused = allowed = 0
        async for before, after in self._both(live, new, self._window.facts()):
            judged += 1
            # A call has one tool; a list is turned once so much of what it shows is.
            if len(before ^ after) > self._share * len(before | after):
                is_refused = len(before - after) >= len(after - before)
                refused, allowed = refused + is_refused, allowed + (not is_refused)
        return Turned(judged, refused, allowed)

    async def _catalog(self, live: Engine, new: Engine) -> Turned:
        judged = refused = allowed = 0
        async for before, after in self._both(live, new, map(replace, self._lists)):
            judged += len(before | after)
            refused += len(before - after)
            allowed += len(after - before)
        return Turned(judged, refused, allowed, "tools of the catalog")

    async def _both(
        self, live: Engine, new: Engine, facts: Iterable[Facts]
    ) -> AsyncIterator[tuple[frozenset[str], frozenset[str]]]:
        for each in facts:
            before = await self._allowed(live, each)
            await asyncio.sleep(0)
            after = await self._allowed(new, each)
            await asyncio.sleep(0)
            yield before, after

    async def _allowed(self, engine: Engine, facts: Facts) -> frozenset[str]:
        """The tools that an engine allows; none where it fails, as it would for a caller."""
        try:
            decision = await decided(engine, facts, self._timeout)
        except OrganDown:
            return frozenset()
        return frozenset(name for name, said in decision.verdicts.items() if said.is_allowed)


def listed(
    tools: Sequence[Tool], endpoints: Iterable[Endpoint], now: datetime
) -> tuple[Facts, ...]:
    """The list of these tools at each endpoint, as a caller without any role asks for it.

    Of endpoints with the same scope one is taken, and of all no more than MOST; where none is
    declared, one that offers everything.
    """
    scopes = {(one.methods, one.tags): one for one in endpoints}
    every = Endpoint("guard", None, methods=("read", "write", "custom"))
    return tuple(
        Facts(tuple(tools), Caller(endpoint, is_authenticated=True), "tools/list", "", now)
        for endpoint in [*scopes.values()][:MOST] or [every]
    )
