"""Records events: chained, appended, and durable before the caller goes on.

Theory of operation. A record is `written` when the kernel has the whole line, which survives the
death of the process, and `synced` when `fdatasync` has returned since, which survives the death of
the machine. Records that wait at the same time share one fdatasync: a sync that began before a
line was written does not cover it, so its record waits for the next one, together with all others
that came in between. fdatasync runs in a thread of its own, so that a slow disk delays the records
that need it and not the event loop; a written record is one `os.write` into the page cache.

Three kinds of failure, and every one refuses the message that was to be recorded:

- The file is whole, but cannot grow (disk full, `max_bytes`), or the disk does not confirm in time.
  Each further record tries again; the first that succeeds is preceded by a lifecycle event
  `resumed` with the number of records that were refused meanwhile. A sync that is still hanging
  refuses at once. `is_healthy` is False until then; `revive` tries without a message at hand.
- fdatasync failed, or the file was deleted, replaced, changed or cannot be cut back after a partial
  write. Nobody knows what the disk holds: the writer stays failed until the program starts again.
- The event itself cannot be a line (no JSON, too long). Only this event's message is refused.

Only `fdatasync` is bounded by the timeout. `os.write` blocks the loop if the kernel blocks it,
which local disks do for milliseconds; a network file system that hangs may do so for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from sidecar.audit.chain import MAX_LINE_BYTES, Tip, event_id, hash_of, line, parse, tip_of
from sidecar.audit.reader import section
from sidecar.audit.segment import Segment, Unusable, unusable
from sidecar.errors import OrganDown
from sidecar.model import Event

_SOON_BYTES = 1 << 16
"""How many bytes of buffered lines may wait for the next record before they are written."""


class Writer:
    """The only writer of `folder/audit.jsonl`; used from one event loop's thread.

    Opening continues the chain that the file holds. If the last run did not end with a lifecycle
    `stop`, a lifecycle `recovered` event says so. Raises ConfigError, naming the file, if it
    is in use, cannot be opened or written, is full, or ends in a line that no chain can follow.

    Args:
        folder: Made with mode 0700 if it is missing; the file with mode 0600.
        instance: Which process of which pod writes, told in each line.
        clock: Gives the aware time of each line. It may step back: the order is that of `seq`.
        timeout: Seconds that a record waits for the disk to confirm.
        max_bytes: The file's size that no record passes, except the lifecycle `stop` and what
            is buffered when `close` is called.
    """

    def __init__(
        self,
        folder: Path,
        *,
        instance: str,
        clock: Callable[[], datetime],
        timeout: float = 2.0,
        max_bytes: int,
    ) -> None:
        self._instance = instance
        self._clock = clock
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._soon = b""
        self._cause = ""
        self._is_final = False
        self._is_closed = False
        self._refused = 0
        self._flight: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit-sync")
        self._segment = Segment(folder)
        try:
            self._resume()
        except BaseException:
            self._segment.close()
            raise
        self._durable = self._segment.size

    @property
    def head(self) -> str:
        """The anchor `seq:hash` of the last written line; kept elsewhere, it proves the log whole.

        After `close` it is that of the lifecycle `stop`.
        """
        return str(self._written)

    @property
    def is_healthy(self) -> bool:
        """Whether the last attempt to record succeeded and the next one may."""
        return not (self._cause or self._is_closed)

    async def record(self, event: Event, *, is_synced: bool = False) -> None:
        """Append an event; return once it is written or, with `is_synced`, on the disk.

        Raises OrganDown, reason `audit_unwritable`, if that did not happen for whatever cause.
        An event whose sync failed may stand in the log all the same.
        """
        self._commit(event)
        if is_synced:
            await self._sync()

    def record_soon(self, event: Event) -> None:
        """Take an event that may be lost with the process; it is written before the next record.

        Raises OrganDown as `record` does, so that nothing passes while nothing can be recorded.
        """
        if self._cause or self._is_closed or len(self._soon) > _SOON_BYTES:
            self._commit(event)
        else:
            self._soon, self._tip = self._chained([event])

    def revive(self) -> bool:
        """Try to write again after a failure; tell whether records can be made.

        For the readiness check: a sidecar that gets no traffic while it is unready would otherwise
        never learn that the disk has room again.
        """
        if self._cause and self._can_try():
            try:
                self._commit()
            except OrganDown:
                return False
        return self.is_healthy

    def close(self) -> None:
        """Write the lifecycle `stop`, sync within the timeout, and give up the file.

        The event names the head before it. Closing twice does nothing. Raises OrganDown if the
        log does not end in a durable `stop`; the file is given up all the same.
        """
        if self._is_closed:
            return
        try:
            self._stop()
        finally:
            self._is_closed = True
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._segment.close()

    def _resume(self) -> None:
        """Continue the file's chain, and tell of an end that was not a stop."""
        last = self._segment.last_line()
        tip = tip_of(last) if last else Tip()
        if tip is None:
            raise unusable(
                self._segment.path,
                "its last line is no record of an intact chain",
                "run `sidecar audit verify`, keep the file as evidence, and move it away",
            )
        self._tip = self._written = tip
        if self._segment.size >= self._max_bytes:
            raise unusable(self._segment.path, "it has reached its largest size", "move it away")
        if self._segment.torn or (last and not _is_stop(last)):
            self._recover()

    def _recover(self) -> None:
        torn = self._segment.torn
        facts: dict[str, Any] = {"torn_bytes": torn.bytes if torn else 0}
        if torn:
            facts |= {"torn_file": torn.file, "torn_sha256": torn.sha256}
        try:
            self._commit(_lifecycle("recovered", **facts))
            self._segment.sync()
        except (OrganDown, OSError) as error:
            raise unusable(self._segment.path, str(error), "make room on the disk") from error

    def _commit(self, *events: Event) -> None:
        """Write what is buffered and these events as one block, or change nothing."""
        if not self._can_try():
            raise self._refusal()
        if self._cause:
            resumed = _lifecycle("resumed", cause=self._cause, refused=self._refused)
            events = (resumed, *events)
        block, tip = self._chained(events)
        if self._segment.size + len(block) > self._max_bytes:
            raise self._failure("the log has reached its largest size; move it away and restart")
        self._append(block, tip)
        self._cause, self._refused = "", 0

    def _can_try(self) -> bool:
        is_stalled = bool(self._cause) and self._flight is not None
        return not (self._is_closed or self._is_final or is_stalled)

    def _chained(self, events: tuple[Event, ...] | list[Event]) -> tuple[bytes, Tip]:
        """Make the block that follows what is buffered, without committing to it."""
        block, tip = self._soon, self._tip
        for event in events:
            raw = self._line(event, tip)
            block, tip = block + raw, Tip(tip.seq + 1, hash_of(raw))
        return block, tip

    def _line(self, event: Event, tip: Tip) -> bytes:
        seq, ts = tip.seq + 1, self._clock()
        try:
            raw = line(event, seq=seq, ts=ts, instance=self._instance, prev=tip.hash)
        except (TypeError, ValueError) as error:
            raise _down(f"event {event.id} cannot be written as JSON") from error
        if len(raw) > MAX_LINE_BYTES:
            raise _down(f"event {event.id} is longer than {MAX_LINE_BYTES} bytes")
        return raw

    def _append(self, block: bytes, tip: Tip) -> None:
        try:
            self._segment.append(block)
        except OSError as error:
            raise self._failure(error.strerror or str(error), error) from error
        self._soon = b""
        self._tip = self._written = tip

    async def _sync(self) -> None:
        """Wait until a sync that began after now has ended."""
        upto = self._segment.size
        try:
            async with asyncio.timeout(self._timeout):
                while self._durable < upto:
                    await asyncio.shield(self._flight or self._take_off())
        except TimeoutError as error:
            raise self._failure(f"the disk did not confirm within {self._timeout} s") from error
        except OSError as error:
            raise self._refusal() from error

    def _take_off(self) -> asyncio.Future[None]:
        covered = self._segment.size
        loop = asyncio.get_running_loop()
        flight = loop.run_in_executor(self._thread, self._segment.sync)
        flight.add_done_callback(lambda done: self._land(done, covered))
        self._flight = flight
        return flight

    def _land(self, flight: asyncio.Future[None], covered: int) -> None:
        """Note how a sync ended. Runs before its waiters: it was the first callback added."""
        self._flight = None
        error = flight.exception()
        if error is None:
            self._durable = covered
        else:
            self._is_final = True
            self._cause = f"a sync failed: {error}"

    def _stop(self) -> None:
        if not self._can_try():
            raise self._refusal()
        self._append(*self._chained([_lifecycle("stop", head=str(self._tip))]))
        try:
            self._thread.submit(self._segment.sync).result(self._timeout)
        except OSError as error:
            raise self._failure("the last sync did not succeed", error) from error

    def _failure(self, cause: str, error: OSError | None = None) -> OrganDown:
        """Note why nothing can be recorded at the moment, or for good."""
        self._cause = self._cause if self._is_final else cause
        self._is_final = self._is_final or isinstance(error, Unusable)
        return self._refusal()

    def _refusal(self) -> OrganDown:
        self._refused += 1
        return _down(self._cause or "the writer is closed")


def _down(cause: str) -> OrganDown:
    return OrganDown(f"the audit log cannot be written: {cause}", reason="audit_unwritable")


def _lifecycle(what: str, **facts: Any) -> Event:
    return Event(id=event_id(), stage="lifecycle", data={"what": what, **facts})


def _is_stop(raw: bytes) -> bool:
    record = parse(raw) or {}
    return record.get("stage") == "lifecycle" and section(record, "data").get("what") == "stop"
