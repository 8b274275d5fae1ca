"""The sidecar's own look at the backend's list of tools, so that a change is noticed by itself.

What `listing` reads is told to `Reviewed`. A message is held to what was read last; before anything
was read, the first call waits for it.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from sidecar import audit, redaction
from sidecar.catalog import Reviewed
from sidecar.errors import Refusal
from sidecar.exchange import shown_name
from sidecar.model import Event
from sidecar.pipeline.backend import Backend
from sidecar.pipeline.listing import read

_log = structlog.get_logger("sidecar.survey")

_MOST: Final = 500
"""Names that one event or log line holds."""


class Survey:
    """Reads the list at start, every `period` seconds, and when somebody says it changed."""

    def __init__(
        self,
        backend: Backend,
        reviewed: Reviewed,
        writer: audit.Writer,
        period: float,
    ) -> None:
        self._backend = backend
        self._reviewed = reviewed
        self._writer = writer
        self._period = period
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()

    @property
    def is_done(self) -> bool:
        """Whether the list was ever read."""
        return self._reviewed.is_read

    def wake(self) -> None:
        """Look again soon: the backend said that its list has changed."""
        self._wake.set()

    async def ensure(self) -> None:
        """Have read the list at least once.

        Raises:
            BackendFailed, BackendTimedOut: the backend does not give its list.
        """
        if not self._reviewed.is_read:
            async with self._lock:
                if not self._reviewed.is_read:
                    await self._look()

    async def run(self) -> None:
        """Keep looking until cancelled; a backend that is down is looked at again later."""
        while True:
            try:
                async with self._lock:
                    await self._look()
            except Refusal as refusal:
                _log.warning("the backend's list cannot be read", reason=refusal.reason)
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._period):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _look(self) -> None:
        entries = await read(self._backend)
        if self._reviewed.see(entries):
            await self._tell()

    async def _tell(self) -> None:
        drift = self._reviewed.drift
        told = {"added": drift.added, "changed": drift.changed, "removed": drift.removed}
        _log.warning(
            "tools differ from what was reviewed", **{k: v[:_MOST] for k, v in told.items()}
        )
        data = {"what": "drift"} | {
            key: [shown_name(name, redaction.scrub) for name in names[:_MOST]]
            for key, names in told.items()
        }
        event = Event(id=audit.event_id(), stage="lifecycle", data=data)
        await self._writer.record(event, is_synced=True)
