"""The sidecar's own look at the backend's list of tools, so that a change is noticed by itself.

What `listing` reads is told to `Reviewed`. A message is held to what was read last. Before anything
was read, and once the last reading is so old that a change since then may have gone unseen, a call
waits for a look, and is refused if that fails (invariants 7 and 8).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from sidecar import audit
from sidecar.catalog import Reviewed
from sidecar.errors import Refusal
from sidecar.exchange import shown_name
from sidecar.model import Event, JsonObject
from sidecar.pipeline.backend import Backend
from sidecar.pipeline.listing import read

_log = structlog.get_logger("sidecar.survey")

_MOST: Final = 500
"""Names that one event or log line holds."""

_MISSES: Final = 3
"""Looks that may fail in a row before what was read counts for nothing."""


class Survey:
    """Reads an account's list at start, every `period` seconds, and when somebody says it changed.

    `patience` is how many seconds one look may take.
    """

    def __init__(
        self,
        backend: Backend,
        reviewed: Reviewed,
        writer: audit.Writer,
        period: float,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        account: str = "",
    ) -> None:
        self._backend = backend
        self._reviewed = reviewed
        self._account = account
        self._named = {"account": account} if account else {}
        self._writer = writer
        self._period = period
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._clock = clock
        self._patience = patience
        self._longest = _MISSES * (period + patience)
        self._looks = 0
        self._has_news = False
        self._failure: Refusal | None = None
        self._since = clock()
        self.has_ended = False
        """Whether nobody looks any more: the sidecar stops, or this program has a fault."""

    @property
    def is_done(self) -> bool:
        """Whether the list was read, and lately enough to hold a call to it."""
        return self._reviewed.has_read(self._account) and not self.is_stale

    @property
    def is_stale(self) -> bool:
        """Whether the list could not be read for long; calls then wait for a look of their own."""
        return self._clock() - self._since > self._longest

    def wake(self) -> None:
        """Look again soon: the backend said that its list has changed."""
        self._wake.set()

    async def ensure(self) -> None:
        """Have read the list, and lately.

        Raises:
            BackendFailed, BackendTimedOut: the backend does not give its list.
        """
        if self.is_done:
            return
        looks = self._looks
        async with self._lock:
            if self.is_done:
                return
            failure = self._failure
            if looks != self._looks and failure is not None:
                # Whoever waited for a look that failed shares its end: if each had a look of its
                # own, the last of many would wait for hours.
                raise type(failure)(str(failure), reason=failure.reason)
            await self._look()

    async def run(self) -> None:
        """Keep looking until cancelled; a backend that is down is looked at again later."""
        try:
            while True:
                await self._try()
                await self._rest()
        finally:
            self.has_ended = True

    async def _try(self) -> None:
        try:
            async with self._lock:
                await self._look()
        except Refusal as refusal:
            _log.warning("the backend's list cannot be read", reason=refusal.reason, **self._named)
        except Exception as fault:  # noqa: BLE001 - the outer edge of a background task, see below
            # Whatever one reply brings about must not end the looking: changes would go unseen.
            _log.error("a look at the backend's list failed", exc_info=fault, **self._named)
        if self.is_stale:
            what = "the backend's list was not read for long: calls are refused until it is"
            _log.error(what, **self._named)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._period):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _look(self) -> None:
        entries = await self._read()
        self._since = self._clock()
        # Once it is seen it is no news to the catalog: what could not be recorded is kept in mind.
        self._has_news = self._reviewed.see(entries, self._account) or self._has_news
        if self._has_news:
            await self._tell()
            self._has_news = False

    async def _read(self) -> list[JsonObject]:
        self._failure = None
        try:
            return await read(self._backend, self._patience)
        except Refusal as refusal:
            self._failure = refusal
            raise
        finally:
            self._looks += 1

    async def _tell(self) -> None:
        drift = self._reviewed.drift
        told = {"added": drift.added, "changed": drift.changed, "removed": drift.removed}
        shown = {k: v[:_MOST] for k, v in told.items()}
        _log.warning("tools differ from what was reviewed", **shown, **self._named)
        data: JsonObject = {"what": "drift", **self._named}
        for key, names in told.items():
            data[key] = [shown_name(name) for name in names[:_MOST]]
            data[f"{key}_total"] = len(names)
        event = Event(id=audit.event_id(), stage="lifecycle", data=data)
        await self._writer.record(event, is_synced=True)


class Surveys:
    """The survey of each account by its name, the default account's under an empty one.

    They go on without each other: an account whose list cannot be read has its own calls refused,
    and nobody else's.
    """

    def __init__(self, by_account: Mapping[str, Survey]) -> None:
        self._by_account = by_account

    def of(self, account: str) -> Survey:
        """The survey of an account that is in the settings."""
        return self._by_account[account]

    @property
    def is_stale(self) -> bool:
        """Whether one of the lists could not be read for long."""
        return any(survey.is_stale for survey in self._by_account.values())

    @property
    def has_ended(self) -> bool:
        """Whether nobody looks at one of the lists any more."""
        return any(survey.has_ended for survey in self._by_account.values())

    async def run(self) -> None:
        """Keep looking at all of them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for survey in self._by_account.values():
                group.create_task(survey.run())
