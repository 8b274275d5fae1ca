"""Gladly's two kinds of rate limits: requests in a time, and requests at the same time.

Every method has a quota of its own for each second. Reports have another one besides, for each
minute, and only two of them run at once in the whole organisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

Clock = Callable[[], datetime]
"""What time it is, with a zone: for due times, timestamps and the rate limits."""

REPORTS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Taken:
    """One request counted: how many are left, or in how many whole seconds to ask again."""

    left: int
    retry_after: int = 0

    @property
    def is_over(self) -> bool:
        """Whether this request was one too many."""
        return self.retry_after > 0


class Bucket:
    """A token bucket: `size` requests at once, refilled evenly within `period` seconds."""

    def __init__(self, size: int, period: float, clock: Clock) -> None:
        self.size = size
        self._rate = size / period
        self._clock = clock
        self._level, self._then = float(size), clock()

    def take(self) -> Taken:
        """Count one request."""
        now = self._clock()
        gained = (now - self._then).total_seconds() * self._rate
        self._level, self._then = min(float(self.size), self._level + gained), now
        if self._level < 1:
            return Taken(0, math.ceil((1 - self._level) / self._rate))
        self._level -= 1
        return Taken(int(self._level))


class Quotas:
    """Every quota of one organisation."""

    def __init__(self, rate: int, reports_per_minute: int, clock: Clock) -> None:
        self.rate = rate
        self._reports_per_minute = reports_per_minute
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Fill everything up again."""
        self._methods: dict[str, Bucket] = {}
        self._reports = Bucket(self._reports_per_minute, 60.0, self._clock)
        self._running = 0

    def take(self, verb: str) -> Taken:
        """Count one request of a method."""
        if verb not in self._methods:
            self._methods[verb] = Bucket(self.rate, 1.0, self._clock)
        return self._methods[verb].take()

    @contextmanager
    def report(self) -> Iterator[Taken]:
        """Count one report, which runs for as long as the block."""
        taken = Taken(0, 1) if self._running >= REPORTS_AT_ONCE else self._reports.take()
        self._running += 1
        try:
            yield taken
        finally:
            self._running -= 1
