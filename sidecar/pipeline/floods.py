"""Refusals of strangers, counted: a flood of 401 and 404 must not fill the disk.

The first of a kind in a minute is written at once; those that follow become one record with a
count when the minute is over, or when the road closes. So each is at least counted (invariant 3).
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from sidecar import audit
from sidecar.model import Event

_WINDOW: Final = 60.0
_MAX_KINDS: Final = 1024
"""Kinds of refusal held at once; beyond it all further ones share one count."""


class Floods:
    """Counts per kind of refusal. One window for all kinds keeps it simple."""

    def __init__(self, writer: audit.Writer) -> None:
        self._writer = writer
        self._opened = time.monotonic()
        self._counts: dict[tuple[str, ...], tuple[Event, int]] = {}

    async def count(self, key: tuple[str, ...], event: Event) -> None:
        """Write or count one refusal of a kind: `key` says who was refused from where, and why.

        Raises OrganDown when it cannot be written.
        """
        if time.monotonic() - self._opened > _WINDOW:
            await self.flush()
        if key not in self._counts and len(self._counts) >= _MAX_KINDS:
            key = ("", "other")
        if key in self._counts:
            first, more = self._counts[key]
            self._counts[key] = (first, more + 1)
            return
        self._counts[key] = (event, 0)
        await self._writer.record(event)

    async def flush(self) -> None:
        """Write one record for every kind that came again, and begin a new window."""
        counts, self._counts = self._counts, {}
        self._opened = time.monotonic()
        for first, more in counts.values():
            if more:
                again = first.outcome | {"count": more}
                event = replace(first, id=audit.event_id(), outcome=again)
                await self._writer.record(event)
