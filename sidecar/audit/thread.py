"""The one thread that touches the log's files, so that no disk ever holds up the event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Thread:
    """Does what it is given, one after another, in the order it was given.

    It is a daemon: a disk that never answers must not keep the process from ending.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._has_begun = False

    def do(self, work: Callable[[], None]) -> None:
        """Do this after all that was given before. It must not raise."""
        if not self._has_begun:
            self._has_begun = True
            threading.Thread(target=self._run, name="audit", daemon=True).start()
        self._work.put(work)

    def wait(self, timeout: float) -> bool:
        """Wait until all that was given is done; False if that takes longer, in seconds."""
        done = threading.Event()
        self.do(done.set)
        return done.wait(timeout)

    def end(self) -> None:
        """End it after what was given is done, without waiting."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
