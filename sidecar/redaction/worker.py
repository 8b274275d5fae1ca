"""One thread beside the event loop, for results so large that the others would wait for them.

Theory of operation. Python lets one thread run at a time, and asks the one that runs to give way
after 5 ms; so the loop waits a few milliseconds for its turn, several times, and never for the
whole of a result. A second thread would take turns from the loop and from the first, and a process
would cost the memory of a second sidecar: there is one thread, and large results wait in line.
Python's garbage collector is off while the thread works: it would stop everybody to walk over all
that the result is made of, and it would end, in this thread, objects that belong to another.
A thread cannot be stopped from outside. It looks at its deadline at every leaf and every candidate,
and whoever stops waiting for it ends the deadline.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sidecar.redaction.recogniser import Budget

_Made = TypeVar("_Made")


class Late(Exception):
    """The deadline has passed. Nothing of what was made so far may be used."""


class Deadline:
    """When to stop; `seconds` from now, or never."""

    def __init__(self, seconds: float = float("inf")) -> None:
        self._ends = time.monotonic() + seconds

    def check(self) -> None:
        """Raise Late once it has passed."""
        if time.monotonic() > self._ends:
            raise Late

    def end(self) -> None:
        """Let it pass now."""
        self._ends = float("-inf")


class TimedBudget(Budget):
    """A budget of candidates that also ends in time."""

    def __init__(self, deadline: Deadline, left: int | None = None) -> None:
        super().__init__(*(() if left is None else (left,)))
        self._deadline = deadline

    def spend(self, count: int = 1) -> None:
        """Count candidates before they are verified.

        Raises:
            Exhausted: there are too many.
            Late: the deadline has passed.
        """
        self._deadline.check()
        super().spend(count)


class Worker:
    """The thread. It is made with the first large result and ends with the process."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def do(self, work: Callable[[Deadline], _Made], seconds: float) -> _Made:
        """What the work makes, waiting for a turn included.

        Raises:
            Late: it took longer than `seconds`.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "sidecar-redaction")
        deadline = Deadline(seconds)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._thread, _uncollected, work, deadline)
        except TimeoutError:
            raise Late from None
        finally:
            deadline.end()  # also for a caller who went away: nobody will read it

    def close(self) -> None:
        """End the thread; what stands in line is dropped."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)


def _uncollected(work: Callable[[Deadline], _Made], deadline: Deadline) -> _Made:
    was_on = gc.isenabled()
    gc.disable()
    try:
        deadline.check()  # it may have passed in line
        return work(deadline)
    finally:
        if was_on:
            gc.enable()
