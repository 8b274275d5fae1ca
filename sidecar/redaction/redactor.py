"""The organ: masks with the keys of this fleet, beside the event loop where that takes long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import structlog

from sidecar.errors import BackendFailed, Malformed, Refusal
from sidecar.model import Finding, JsonObject, Mask, Tool
from sidecar.redaction import canaries, leaves, masking, people, scanning
from sidecar.redaction.masking import Redacted
from sidecar.redaction.pseudonyms import NONE, Pseudonyms
from sidecar.redaction.worker import Deadline, Late, Worker

_Found = TypeVar("_Found")
_log = structlog.get_logger("sidecar.redaction")

INLINE_BYTES: Final = 64 * 1024
"""Largest result, serialised, that is masked on the event loop: some 5 to 8 ms of prose."""
INLINE_SECONDS: Final = 0.02
"""Longest time on the event loop: a small result may be made to take long as well."""
TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Results and other values since the start.

    All that were scanned; of these those in which something was masked, and those that were refused
    because they could not be scanned, or not in time.
    """

    scanned: int = 0
    masked: int = 0
    unscannable: int = 0


class Redactor:
    """`redact`, `redact_value` and `scan` for the road: large values beside the event loop.

    `timeout` is seconds for one result, its wait for the worker included. `tools` are those whose
    paths the canaries try.
    """

    def __init__(
        self,
        pseudonyms: Pseudonyms = NONE,
        timeout: float = TIMEOUT,
        tools: Iterable[Tool] = (),
    ) -> None:
        self.pseudonyms = pseudonyms
        self._timeout = timeout
        self._worker = Worker()
        self._canaries = canaries.Canaries(tools)
        self._counts = Counts()
        self._leaks: tuple[str, ...] = ()
        self._tried_at = float("-inf")

    @property
    def counts(self) -> Counts:
        """The numbers as they are now."""
        return self._counts

    def leaks(self, older_than: float = 0.0) -> tuple[str, ...]:
        """Try every canary; what redaction let through, in words. Empty: it masks.

        To be called at start, and whenever policy, catalog or settings were read again. What was
        found less than `older_than` seconds ago is told again instead. Takes 3 ms.
        """
        now = time.monotonic()
        if now - self._tried_at >= older_than:
            before, self._leaks = self._leaks, self._canaries.leaks(self.pseudonyms)
            self._tried_at = now
            if self._leaks and self._leaks != before:
                _log.error("redaction let made-up data through", what=list(self._leaks))
        return self._leaks

    async def scan(self, value: Any, size: int, pointer: str = "") -> tuple[Finding, ...]:
        """What `scanning.scan` finds in what a caller sends; `size`: bytes of the message.

        Raises:
            Malformed: with reason `unscannable`, also where it took too long.
        """
        return await self._beside(size, lambda: scanning.scan(value, pointer))

    async def people(
        self, arguments: JsonObject, findings: Sequence[Finding], tool: Tool, size: int
    ) -> tuple[JsonObject, ...]:
        """Whom the arguments of a tool that the catalog knows name, as `people.searched` tells.

        Raises:
            Malformed: with reason `unscannable`, where it took too long.
        """
        if not (tool.is_known and self.pseudonyms.keys):
            return ()
        marks, keys = tool.arguments, self.pseudonyms
        return await self._beside(size, lambda: people.searched(arguments, findings, marks, keys))

    async def _beside(self, size: int, work: Callable[[], _Found]) -> _Found:
        if size <= INLINE_BYTES:
            return work()
        try:
            return await self._worker.do(lambda _: work(), self._timeout)
        except Late:
            raise self._too_late(Malformed) from None

    def _too_late(self, refusal: type[Refusal]) -> Refusal:
        what = f"takes longer than {self._timeout * 1000:.0f} ms to look at"
        return leaves.unscannable(refusal, what)

    async def redact(self, result: JsonObject, tool: Tool, masks: Sequence[Mask]) -> Redacted:
        """Mask the result object of a `tools/call`, as `masking.redact` does.

        Raises:
            BackendFailed: with reason `unscannable`, also where it took too long, or
                `redaction_residual`.
        """
        return await self._counted(
            result,
            lambda data, deadline: masking.redact_dumped(
                result, data, tool, masks, self.pseudonyms, deadline
            ),
        )

    async def redact_value(self, value: Any, masks: Sequence[Mask]) -> Redacted:
        """Mask any other JSON value by its content alone.

        Raises:
            BackendFailed: as `redact` does.
        """
        return await self._counted(
            value,
            lambda data, deadline: masking.redact_dumped(
                value, data, None, masks, self.pseudonyms, deadline
            ),
        )

    def close(self) -> None:
        """End the worker's thread."""
        self._worker.close()

    async def _counted(self, value: Any, work: Callable[[bytes, Deadline], Redacted]) -> Redacted:
        def checked(data: bytes, deadline: Deadline) -> Redacted:
            leaves.check(value, data, BackendFailed)
            return work(data, deadline)

        self._counts = replace(self._counts, scanned=self._counts.scanned + 1)
        try:
            data = leaves.written(value, BackendFailed, leaves.MAX_RESULT)
            done = await self._done(data, checked)
        except BackendFailed as refusal:
            if refusal.reason == "unscannable":
                self._counts = replace(self._counts, unscannable=self._counts.unscannable + 1)
            raise
        if done.masked:
            self._counts = replace(self._counts, masked=self._counts.masked + 1)
        return done

    async def _done(self, data: bytes, work: Callable[[bytes, Deadline], Redacted]) -> Redacted:
        if len(data) <= INLINE_BYTES:
            try:
                return work(data, Deadline(min(INLINE_SECONDS, self._timeout)))
            except Late:
                pass  # begun anew beside the loop
        try:
            return await self._worker.do(lambda deadline: work(data, deadline), self._timeout)
        except Late:
            raise self._too_late(BackendFailed) from None
