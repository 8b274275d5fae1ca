"""Records events: chained, appended, and durable before the caller goes on.

Theory of operation. A record is `written` when the kernel has the whole line, which survives the
death of the process, and `synced` when `fdatasync` has returned since, which survives the death of
the machine. One block of lines is on its way to the disk at a time, in a thread of its own; events
that come meanwhile wait for each other and make the next block. So a record costs one change of
threads when it is alone, and next to none under load; and no disk holds up the event loop.

A record waits for the disk no longer than the timeout. Three kinds of failure, and every one
refuses the message that was to be recorded:

- The file is whole, but cannot grow (disk full, read-only, `max_bytes`), or the disk does not
  answer in time. Each further record tries again; the first that succeeds is preceded by a
  lifecycle event `resumed` with the number of records that were refused meanwhile. While a block
  hangs, all are refused at once. `is_healthy` is False until then; `revive` tries with no message.
- A sync failed, or the file was deleted, replaced, changed or cannot be cut back after a partial
  write. Nobody knows what the disk holds: the writer stays failed until the program starts again.
- The event itself cannot be a line (no JSON, too long). Only this event's message is refused.

Checkpoints, made by `signer`, stand in the chain: after the first records of a run, every thousand
lines, ten seconds after a line that none covers yet, at each heartbeat of an idle log, at the end
of each segment, and after the stop. Each is synced, so that nothing is signed that a crash of the
machine would lose. `keep` sees to what is due by time alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sidecar.audit.block import Block, Waiting, lifecycle
from sidecar.audit.chain import Tip, parse, tip_of
from sidecar.audit.closed import bytes_in, closed_in
from sidecar.audit.commits import Commits
from sidecar.audit.pruning import Pruning
from sidecar.audit.rhythm import Rhythm, Signer
from sidecar.audit.segment import Segment, unusable
from sidecar.audit.space import SEGMENT_BYTES, Bounds, Space
from sidecar.errors import OrganDown
from sidecar.model import Event

_TICK = 1.0
"""Seconds between looks at what is due."""


class Writer:
    """The only writer of the log in `folder`; used from one event loop's thread.

    Opening continues the chain that the folder holds. If the last run did not end with a lifecycle
    `stop`, a lifecycle `recovered` event says so. Raises ConfigError, naming the file, if the log
    is in use, cannot be opened or written, is full, or ends in a line that no chain can follow.

    Args:
        folder: Made with mode 0700 if it is missing; its files with mode 0600.
        instance: Which process of which pod writes, told in each line.
        clock: Gives the aware time of each line. It may step back: the order is that of `seq`.
        timeout: Seconds that a record waits for the disk.
        max_bytes: The size of the whole folder that no record passes, except the lifecycle `stop`,
            what waits when `close` is called, and tombstones with their checkpoints. Intents leave
            the last sixteenth to outcomes.
        segment_bytes: The size of a segment that closes it.
        keep_days: Days that a closed segment is kept at least, whatever room is left.
        heartbeat: Seconds between checkpoints of an idle log.
        signer: Makes the note that vouches for the chain up to a tip; it must not raise. Without
            one there are no checkpoints, and nothing is ever pruned.
        on_written: Called with the tip after each block, in the event loop's thread.
        shipped: Gives the highest seq that every wanted sink has acknowledged. Closed segments up
            to there may be pruned when the room gets scarce.
    """

    def __init__(
        self,
        folder: Path,
        *,
        instance: str,
        clock: Callable[[], datetime],
        timeout: float = 2.0,
        max_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        keep_days: int = 0,
        heartbeat: float = 60.0,
        signer: Signer | None = None,
        on_written: Callable[[Tip], None] | None = None,
        shipped: Callable[[], int] | None = None,
    ) -> None:
        self._clock = clock
        self._on_written = on_written
        self._is_closed = False
        self._segment = Segment(folder)
        try:
            closed, used = closed_in(folder), bytes_in(folder)
            self._space = Space(Bounds(max_bytes, segment_bytes, keep_days), used)
            self._pruning = Pruning(closed, self._space, shipped if signer else None)
            self._rhythm = Rhythm(signer, heartbeat)
            self._commits = Commits(
                self._segment,
                self._tip(),
                self._space,
                self._rhythm,
                instance=instance,
                clock=clock,
                timeout=timeout,
                on_written=self._arrived,
            )
            self._resume()
        except OSError as error:
            self._segment.close()
            raise unusable(self._segment.path, error.strerror or str(error)) from error
        except BaseException:
            self._segment.close()
            raise

    @property
    def head(self) -> str:
        """The anchor `seq:hash` of the last written line; kept elsewhere, it proves the log whole.

        After `close` it is that of the last line.
        """
        return str(self._commits.tip)

    @property
    def signed(self) -> int:
        """How many lines the last checkpoint of this process signs; 0 before the first."""
        return self._rhythm.signed

    @property
    def is_healthy(self) -> bool:
        """Whether the last attempt to record succeeded, and there is room for the next call."""
        return not (self._is_closed or self._commits.cause or self._space.why_low())

    async def record(self, event: Event, *, is_synced: bool = False) -> None:
        """Append an event; return once it is written or, with `is_synced`, on the disk.

        Raises OrganDown, reason `audit_unwritable`, if that did not happen for whatever cause.
        An event that was refused because the disk failed may stand in the log all the same.
        """
        await self._commits.wait(Waiting(self._clock(), event, is_synced))

    def record_soon(self, event: Event) -> None:
        """Take an event that may be lost with the process; it is written before the next record.

        Raises OrganDown as `record` does, so that nothing passes while nothing can be recorded.
        """
        self._commits.soon(Waiting(self._clock(), event))

    async def checkpoint(self) -> None:
        """Sign all that is recorded so far; return once that is on the disk. Raises OrganDown."""
        self._rhythm.is_asked = True
        await self._nudge(is_synced=True)

    async def keep(self) -> None:
        """Do what is due by time, for ever: checkpoints, rotation, pruning, revival."""
        while True:
            await asyncio.sleep(_TICK)
            await self.tick()

    async def tick(self) -> None:
        """Do what is due now. What fails shows in `is_healthy`, and is tried again next time."""
        with contextlib.suppress(OrganDown, OSError):
            await self._prune()
        with contextlib.suppress(OrganDown):
            if not await self.revive():
                return
            if self._rhythm.look(self._commits.tip, self._clock()):
                await self.checkpoint()
            elif self._commits.has_waiting:
                await self._nudge()

    async def revive(self) -> bool:
        """Try to write again after a failure; tell whether records can be made.

        For the readiness check as well: a sidecar that gets no traffic while it is unready would
        otherwise never learn that the disk has room again.
        """
        with contextlib.suppress(OrganDown):
            if not self.is_healthy:
                await self._nudge()  # the disk is measured, at least
            if self._commits.cause:
                await self._nudge()
        return self.is_healthy

    def close(self) -> None:
        """Write the lifecycle `stop`, sync within the timeout, and give up the files.

        The event names the head before it. Closing twice does nothing. Raises OrganDown if the
        log does not end in a durable `stop`; the files are given up all the same.
        """
        if not self._is_closed:
            self._is_closed = True
            self._commits.end()

    async def _nudge(self, *, is_synced: bool = False) -> None:
        await self._commits.wait(Waiting(self._clock(), is_synced=is_synced))

    async def _prune(self) -> None:
        while grave := await self._pruning.due(self._rhythm.first, self._clock()):
            self._rhythm.is_asked = True
            event = lifecycle("pruned", **grave)
            one = Waiting(self._clock(), event, is_synced=True, makes_room=True)
            await self._commits.wait(one)
            await self._pruning.remove()

    def _arrived(self, block: Block) -> None:
        if block.closed:
            self._pruning.segments.append(block.closed)
        if self._on_written and block.lines:
            self._on_written(block.tip)

    def _tip(self) -> Tip:
        """Where the chain of the folder stands. Raises ConfigError if none can be continued."""
        last = self._segment.last_line()
        segments = self._pruning.segments
        tip = tip_of(last) if last else segments[-1].tip() if segments else Tip()
        if tip is None:
            raise unusable(
                self._segment.path if last else segments[-1].path,
                "its last line is no record of an intact chain",
                "run `sidecar audit verify`, keep the folder as evidence, and move it away",
            )
        return tip

    def _resume(self) -> None:
        """Take up the chain, and tell of an end that was not a stop."""
        tip = self._commits.tip
        self._rhythm.began(parse(self._segment.first_line()), tip)
        if self._space.used >= self._space.bounds.max_bytes and not self._pruning.can_help():
            raise unusable(self._segment.path, "it has reached its largest size", "move it away")
        self._space.arrived(0, self._segment.free())
        if self._segment.torn or (tip.seq and not self._segment.is_stopped()):
            self._recover()

    def _recover(self) -> None:
        torn = self._segment.torn
        facts: dict[str, Any] = {"torn_bytes": torn.bytes if torn else 0}
        if torn:
            facts |= {"torn_file": torn.file, "torn_sha256": torn.sha256}
        if why := self._commits.at_once(lifecycle("recovered", **facts)):
            raise unusable(self._segment.path, why, "make room on the disk")
