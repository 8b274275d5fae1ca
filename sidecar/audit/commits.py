"""The way of events to the disk: they wait, leave together as a block, and arrive or are refused.

One block is on its way at a time. Whatever goes wrong, everybody who waits is told, and the chain's
tip moves only when the lines are written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sidecar.audit.block import Block, Waiting, down, lifecycle, patient, refuse
from sidecar.audit.chain import Tip
from sidecar.audit.rhythm import Rhythm
from sidecar.audit.segment import Segment, Unusable
from sidecar.audit.space import Space
from sidecar.audit.thread import Thread
from sidecar.errors import OrganDown
from sidecar.model import Event

_SOON = 64
"""How many events for which nobody waits may wait for company."""


class Commits:
    """Writes blocks to a segment, from one event loop's thread.

    Attributes:
        tip: The end of the chain as written.
        cause: Why nothing could be recorded the last time; empty if it could.
    """

    def __init__(
        self,
        segment: Segment,
        tip: Tip,
        space: Space,
        rhythm: Rhythm,
        *,
        instance: str,
        clock: Callable[[], datetime],
        timeout: float,
        on_written: Callable[[Block], None],
    ) -> None:
        self.tip = tip
        self.cause = ""
        self._segment = segment
        self._space = space
        self._rhythm = rhythm
        self._instance = instance
        self._clock = clock
        self._timeout = timeout
        self._on_written = on_written
        self._is_final = False
        self._is_over = False
        self._refused = 0
        self._waiting: list[Waiting] = []
        self._flight: Block | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._thread = Thread()

    @property
    def can_try(self) -> bool:
        """Whether a block could leave: not after the end, a fatal failure, or behind a late one."""
        is_stalled = self._flight is not None and self._flight.is_late
        return not (self._is_over or self._is_final or is_stalled)

    @property
    def has_waiting(self) -> bool:
        """Whether an event waits for company."""
        return bool(self._waiting)

    async def wait(self, one: Waiting) -> None:
        """Return once it is written, as durable as it wants to be. Raises OrganDown."""
        if not self.can_try:
            raise self._refusal(one)
        one.done = asyncio.get_running_loop().create_future()
        self._waiting.append(one)
        self._go_on()
        await one.done

    def soon(self, one: Waiting) -> None:
        """Take it along with the next that somebody waits for. Raises OrganDown."""
        if self.cause or not self.can_try:
            raise self._refusal(one)
        self._waiting.append(one)
        self._go_on()

    def at_once(self, event: Event) -> str:
        """Write one event before anybody else does, on the disk; say why if that failed."""
        block = Block(self._instance, self.tip, is_synced=True)
        block.put(event, self._clock())
        block.carry(self._segment, self._rhythm.first)
        if block.error:
            return block.error.strerror or str(block.error)
        self.arrived(block)
        return ""

    def end(self) -> None:
        """Write what waits and a lifecycle `stop`, sync, sign, and give up the file.

        Raises OrganDown if that is not on the disk within the timeout.
        """
        is_answering = self._thread.wait(self._timeout)
        try:
            self._stop(is_answering=is_answering)
        finally:
            self._is_over = True
            refuse(self._waiting, self.cause or "the writer is closed")
            # By the thread: what it may still do must not meet another file by this descriptor.
            self._thread.do(self._segment.close)
            if is_answering:
                self._thread.wait(self._timeout)
            self._thread.end()

    def _stop(self, *, is_answering: bool) -> None:
        if is_answering and self._flight:
            self._land(self._flight, is_end=True)
        if not (is_answering and self.can_try):
            self.cause = self.cause or f"the disk did not confirm within {self._timeout} s"
            raise self._refusal()
        block = self._block(is_stop=True)
        self._flight = block
        self._thread.do(partial(block.carry, self._segment, self._rhythm.first))
        if not self._thread.wait(self._timeout):
            block.is_late = True
            self.cause = f"the last sync did not end within {self._timeout} s"
            raise self._refusal()
        self._land(block, is_end=True)
        if block.error:
            raise self._refusal()

    def _go_on(self) -> None:
        """Let a block leave if somebody waits, and no other is on its way."""
        while self._flight is None and self.can_try and self._is_awaited():
            block = self._block()
            if not block.waiting:
                continue  # each was refused for a reason of its own
            loop = asyncio.get_running_loop()
            self._flight = block
            self._timer = loop.call_later(self._timeout, self._late, block)
            self._thread.do(partial(self._carry, block, loop))

    def _is_awaited(self) -> bool:
        waiting = self._waiting
        return len(waiting) > _SOON or any(one.done is not None for one in waiting)

    def _block(self, *, is_stop: bool = False) -> Block:
        """Make a block of all that waits."""
        waiting, self._waiting = self._waiting, []
        block = Block(self._instance, self.tip)
        if self.cause and not self._space.why_low():
            block.resumed = self._refused
            event = lifecycle("resumed", cause=self.cause, refused=self._refused)
            block.put(event, self._clock())
        for one in waiting:
            self._put(block, one, is_stop=is_stop)
        if is_stop:
            block.put(lifecycle("stop", head=str(block.tip)), self._clock())
            block.is_synced = self._rhythm.is_asked = True
        else:
            size = self._segment.size + block.size
            is_full = size >= self._space.bounds.segment
            block.is_last = size > 0 and (is_full or self._rhythm.is_over)
        self._rhythm.sign(block, self._clock)
        block.is_synced = block.is_synced or block.is_last
        return block

    def _put(self, block: Block, one: Waiting, *, is_stop: bool) -> None:
        """Let a waiting event follow, or refuse it alone."""
        if one.event is not None:
            try:
                raw = block.made(one.event, one.ts)
            except OrganDown as refusal:
                self._refuse_alone(one, refusal)
                return
            is_intent = one.event.stage == "intent"
            why = self._space.refusal(block.size + len(raw), is_intent=is_intent)
            if why and not (is_stop or one.makes_room):
                self.cause = self.cause or why
                self._refused += one.refuse(why)
                return
            block.add(raw)
        block.waiting.append(one)
        block.is_synced = block.is_synced or one.is_synced

    def _refuse_alone(self, one: Waiting, refusal: OrganDown) -> None:
        if one.done is None:  # nobody is there to be told: the log tells it
            self.cause, self._refused = str(refusal), self._refused + 1
        elif not one.done.done():
            one.done.set_exception(refusal)

    def _carry(self, block: Block, loop: asyncio.AbstractEventLoop) -> None:
        """Runs in the thread."""
        block.carry(self._segment, self._rhythm.first)
        # A loop that was closed meanwhile has nobody who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._land, block)

    def _late(self, block: Block) -> None:
        """Refuse everybody when a block takes too long; it may arrive all the same."""
        block.is_late = True
        self.cause = f"the disk did not confirm within {self._timeout} s"
        self._refused += refuse([*block.waiting, *self._waiting], self.cause)
        self._waiting = patient(self._waiting)

    def _land(self, block: Block, *, is_end: bool = False) -> None:
        """Take note of how a block ended, once."""
        if block is not self._flight:
            return
        self._flight = None
        if self._timer:
            self._timer.cancel()
        try:
            if block.error:
                self._failed(block, block.error)
            else:
                self.arrived(block)
        finally:  # whatever those who were told make of it: the others must not wait for ever
            if not is_end:
                self._go_on()

    def arrived(self, block: Block) -> None:
        """Move the tip over a block that was written, and let its waiters go on."""
        self.tip = block.tip
        self._space.arrived(block.size, block.disk)
        self._rhythm.arrived(block, self._clock)
        if block.resumed is not None:
            self._refused -= block.resumed
            self.cause = self.cause if block.is_late else ""
        for one in block.waiting:
            one.release()
        self._on_written(block)

    def _failed(self, block: Block, error: OSError) -> None:
        self._is_final = isinstance(error, Unusable)
        self.cause = error.strerror or str(error)
        self._refused += refuse(block.waiting, self.cause)
        self._waiting = [*patient(block.waiting), *self._waiting]
        if self._is_final:
            self._refused += refuse(self._waiting, self.cause)
            self._waiting = patient(self._waiting)

    def _refusal(self, one: Waiting | None = None) -> OrganDown:
        self._refused += one is not None and one.event is not None
        return down(self.cause or "the writer is closed")
