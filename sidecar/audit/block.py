"""Events that are written together, and what they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sidecar.audit.chain import MAX_LINE_BYTES, Tip, event_id, hash_of, line
from sidecar.audit.closed import Closed
from sidecar.audit.segment import Segment, Unusable
from sidecar.errors import OrganDown
from sidecar.model import Event


@dataclass(slots=True, eq=False)
class Waiting:
    """Somebody who waits for an event to be written, or for what was written so far.

    Without `done` nobody waits, and the event may be lost with the process. One that makes room is
    not held to the bounds.
    """

    ts: datetime
    event: Event | None = None
    is_synced: bool = False
    done: asyncio.Future[None] | None = None
    makes_room: bool = False

    def refuse(self, cause: str) -> int:
        """Let the waiter go with a refusal; how many events were refused by that, 0 or 1."""
        if self.done is None or self.done.done():
            return 0
        self.done.set_exception(down(cause))
        return int(self.event is not None)

    def release(self) -> None:
        """Let the waiter go on."""
        if self.done is not None and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class Block:
    """Lines that follow the chain's tip, on their way to the disk.

    Attributes:
        instance: Which process of which pod writes, told in each line.
        tip: The end of the chain once these lines are written.
        lines: Whole ones, and `size` is what they add up to.
        waiting: Whose events these are.
        is_synced: Somebody waits until the disk confirms.
        is_last: The segment is closed after these lines.
        has_checkpoint: The last line is a checkpoint.
        resumed: How many refusals a `resumed` among the lines tells of; None without one.
        is_late: Nobody waits for it any more; it took too long.
        error: Why it was not written.
        closed: The segment that was closed after it.
        disk: Bytes free and bytes in all, measured after it.
    """

    instance: str
    tip: Tip
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    is_synced: bool = False
    is_last: bool = False
    has_checkpoint: bool = False
    resumed: int | None = None
    is_late: bool = False
    error: OSError | None = None
    closed: Closed | None = None
    disk: tuple[int, int] | None = None

    def made(self, event: Event, ts: datetime) -> bytes:
        """Make the line that would follow. Raises OrganDown for what can be no line."""
        seq = self.tip.seq + 1
        try:
            raw = line(event, seq=seq, ts=ts, instance=self.instance, prev=self.tip.hash)
        except (TypeError, ValueError) as error:
            raise down(f"event {event.id} cannot be written as JSON") from error
        if len(raw) > MAX_LINE_BYTES:
            raise down(f"event {event.id} is longer than {MAX_LINE_BYTES} bytes")
        return raw

    def put(self, event: Event, ts: datetime) -> None:
        """Let a line follow, whatever room there is."""
        self.add(self.made(event, ts))

    def add(self, raw: bytes) -> None:
        """Take a line that was made to follow."""
        self.lines.append(raw)
        self.size += len(raw)
        self.tip = Tip(self.tip.seq + 1, hash_of(raw))

    def carry(self, segment: Segment, first: int) -> None:
        """Write it; note in the block itself how that ended. `first` is the segment's first seq."""
        try:
            if self.lines:
                segment.append(b"".join(self.lines))
            if self.is_synced:
                segment.sync()
            if self.is_last:
                self._close(segment, first)
            self.disk = segment.free()
        except OSError as error:
            self.error = error

    def _close(self, segment: Segment, first: int) -> None:
        try:
            self.closed = segment.rotate(first)
        except Unusable:
            raise
        except OSError:
            return  # every line is written; the next block tries again to close the segment


def refuse(waiting: Iterable[Waiting], cause: str) -> int:
    """Refuse all of them; how many events that were."""
    return sum(one.refuse(cause) for one in waiting)


def patient(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Those for whose event nobody waits."""
    return [one for one in waiting if one.done is None]


def down(cause: str) -> OrganDown:
    """Make the refusal of a message that cannot be recorded."""
    return OrganDown(f"the audit log cannot be written: {cause}", reason="audit_unwritable")


def lifecycle(what: str, **facts: Any) -> Event:
    """Make an event of the log's own life."""
    return Event(id=event_id(), stage="lifecycle", data={"what": what, **facts})
