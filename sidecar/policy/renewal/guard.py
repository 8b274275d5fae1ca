"""The blast radius of a new policy, told before it decides: which of the last decisions would turn.

Both policies judge the same facts, as they were: what decides now, whose verdicts are known, and
what would. A sidecar that has decided next to nothing has no such facts, and one with a single busy
caller, or one who is refused again and again, has facts of that caller alone: either would take up
a policy that refuses everybody else. So both judge the catalog besides, as it would be listed at
each endpoint, and the larger share counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sidecar.errors import OrganDown
from sidecar.model import Caller, Endpoint, Tool
from sidecar.policy.decide import decided
from sidecar.policy.engine import Engine
from sidecar.policy.facts import Facts
from sidecar.policy.window import Window, allowed

FEWEST: Final = 10
"""Decisions that tell something, since one of the two allows them; fewer tell nothing."""

SLICE: Final = 0.003
"""Seconds of judging without a pause, and one decision: that long may others wait at once."""

BUDGET: Final = 1.0
"""Seconds of judging past decisions, pauses included: a new policy is waited for."""

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

    More than `share` of what was judged, from 0 to 1, is too much. `lists` are judged beside what
    the window holds; see `listed`.
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
        """Tell what would turn if `new` decided, of the last decisions or of the catalog.

        The larger share is told. Judged in slices between which others are served, the newest
        decisions first, and after BUDGET seconds no more of them.
        """
        catalog = await self._catalog(live, new)
        recent = await self._recent(live, new)
        if recent.judged < FEWEST:
            return catalog
        return catalog if catalog.share > recent.share else recent

    async def _recent(self, live: Engine, new: Engine) -> Turned:
        told = refused = granted = 0
        slices = _Slices()
        for number, past in enumerate(self._window.newest(), 1):
            after = await self._allowed(new, past.facts)
            before = past.allowed
            if past.policy_sha256 != live.policy_sha256:
                before = await self._allowed(live, past.facts)
            # What both refuse says nothing, however often somebody asks for it.
            told += bool(before | after)
            # A call has one tool; a list is turned once so much of what it shows is.
            if len(before ^ after) > self._share * len(before | after):
                is_refused = len(before - after) >= len(after - before)
                refused, granted = refused + is_refused, granted + (not is_refused)
            if await slices.are_over() and number >= FEWEST:
                break
        return Turned(told, refused, granted)

    async def _catalog(self, live: Engine, new: Engine) -> Turned:
        judged = refused = granted = 0
        slices = _Slices()
        for facts in map(replace, self._lists):
            before, after = await self._allowed(live, facts), await self._allowed(new, facts)
            judged += len(before | after)
            refused += len(before - after)
            granted += len(after - before)
            await slices.are_over()
        return Turned(judged, refused, granted, "tools of the catalog")

    async def _allowed(self, engine: Engine, facts: Facts) -> frozenset[str]:
        """The tools that an engine allows; none where it fails, as it would for a caller."""
        try:
            return allowed(await decided(engine, facts, self._timeout))
        except OrganDown:
            return frozenset()


class _Slices:
    """Time on the event loop, in slices."""

    def __init__(self) -> None:
        self._begun = self._slice = time.monotonic()

    async def are_over(self) -> bool:
        """Let others be served if it is time to; whether the whole budget is spent."""
        now = time.monotonic()
        if now - self._slice > SLICE:
            await asyncio.sleep(0)
            self._slice = time.monotonic()
        return now - self._begun > BUDGET


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
