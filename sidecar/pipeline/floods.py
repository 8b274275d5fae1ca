"""Refusals of strangers, counted: a flood of 401 and 404 must not fill the disk.

The first of a kind in a minute is written at once; those that follow become one record with a
count, and with the times of the first and last of them, when the minute is over or the road closes.
So each is at least counted (invariant 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from sidecar import audit
from sidecar.errors import Refusal
from sidecar.model import Event

_log = structlog.get_logger("sidecar.floods")

_WINDOW: Final = 60.0
_MAX_KINDS: Final = 1024
"""Kinds of refusal held at once; beyond it all further ones share one count."""

_OTHER: Final = ("", "other")


@dataclass(slots=True)
class _Kind:
    """The record of a kind's first refusal, and how many came after it, from when to when."""

    first: Event
    more: int = 0
    since: str = ""
    until: str = ""

    def again(self) -> None:
        self.more += 1
        self.until = audit.timestamp(datetime.now(UTC))
        self.since = self.since or self.until

    def counted(self) -> Event:
        times = {"first_at": self.since, "last_at": self.until}
        outcome = self.first.outcome | {"count": self.more} | times
        return self.first._replace(id=audit.event_id(), outcome=outcome)


class Floods:
    """Counts per kind of refusal. One window of `window` seconds for all kinds keeps it simple."""

    def __init__(self, writer: audit.Writer, window: float = _WINDOW) -> None:
        self._writer = writer
        self._window = window
        self._opened = time.monotonic()
        self._kinds: dict[tuple[str, ...], _Kind] = {}
        self._ending: asyncio.Task[None] | None = None

    async def count(self, key: tuple[str, ...], event: Event) -> None:
        """Write or count one refusal of a kind: `key` says who was refused from where, and why.

        Raises OrganDown when it cannot be written.
        """
        if time.monotonic() - self._opened > self._window:
            await self.flush()
        if key not in self._kinds and len(self._kinds) >= _MAX_KINDS:
            # Whoever is counted here differs in who, where and why.
            key, event = _OTHER, event._replace(actor={"auth_error": "various"}, src={})
        if key in self._kinds:
            self._kinds[key].again()
            if self._ending is None:
                self._ending = asyncio.create_task(self._end())
            return
        self._kinds[key] = _Kind(event)
        await self._writer.record(event)

    async def flush(self) -> None:
        """Write one record for every kind that came again, and begin a new window.

        Raises OrganDown when it cannot be written; what was counted is then kept.
        """
        self._opened = time.monotonic()
        for key, kind in list(self._kinds.items()):
            if kind.more:
                await self._writer.record(kind.counted())
            del self._kinds[key]

    async def close(self) -> None:
        """Write what was only counted so far, once no window will end any more."""
        if self._ending is not None:
            self._ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ending
        await self.flush()

    async def _end(self) -> None:
        """Write the counts when the window is over, whether anybody still comes or not."""
        await asyncio.sleep(self._window)
        self._ending = None
        try:
            await self.flush()
        except Refusal as down:
            _log.warning("refusals of strangers stay counted", reason=down.reason)
