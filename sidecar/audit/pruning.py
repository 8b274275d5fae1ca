"""Which closed segments may go: the oldest, if they are signed, kept long enough and elsewhere too.

The tombstone is on the disk, under a checkpoint of its own, before the file goes. A crash between
the two leaves a file that has a tombstone already; the next run gives it a second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sidecar.audit.closed import Closed
from sidecar.audit.ends import sync_folder
from sidecar.audit.space import Space
from sidecar.model import JsonObject


@dataclass(frozen=True, slots=True)
class Pruning:
    """The closed segments of a log, the oldest first, and what may be done about them.

    Without `shipped`, the highest seq that is elsewhere, nothing may go.
    """

    segments: list[Closed]
    space: Space
    shipped: Callable[[], int] | None

    def can_help(self) -> bool:
        """Whether room could be made here some day."""
        return self.shipped is not None and bool(self.segments)

    async def due(self, live: int, now: datetime) -> JsonObject | None:
        """Give the tombstone of the segment that is to go now, if room is scarce and one may.

        `live` is the first seq of the segment that is being written. Raises OSError.
        """
        if self.shipped is None or not self.segments or not self.space.is_scarce():
            return None
        oldest = self.segments[0]
        last = (self.segments[1].first if len(self.segments) > 1 else live) - 1
        if last > self.shipped():
            return None
        return await asyncio.to_thread(self._tombstone, oldest, last, now)

    async def remove(self) -> None:
        """Remove the oldest segment, whose tombstone is on the disk. Raises OSError."""
        oldest = self.segments[0]
        await asyncio.to_thread(_unlink, oldest.path)
        self.space.used -= oldest.size
        del self.segments[0]

    def _tombstone(self, oldest: Closed, last: int, now: datetime) -> JsonObject | None:
        days = self.space.bounds.keep_days
        if days and now - oldest.ended() < timedelta(days=days):
            return None
        tip = oldest.tip()
        if tip is None or tip.seq != last or not oldest.is_signed():
            return None  # evidence that something is wrong with it stays
        return oldest.tombstone(tip)


def _unlink(path: Path) -> None:
    path.unlink()
    sync_folder(path.parent)
