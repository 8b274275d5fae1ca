"""Tells on standard error how far a long reading is, so that nobody thinks that it hangs."""

from __future__ import annotations

import sys
import time
from typing import Final

ON_A_TERMINAL: Final = 0.5
"""Seconds until a terminal is told, and between two tellings."""

ELSEWHERE: Final = 10.0
"""The same for a file or a pipe, where each telling stays as a line."""


class Progress:
    """Is called with the bytes read so far and in all; says nothing of what is quickly done."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_terminal = sys.stderr.isatty()
        self._every = ON_A_TERMINAL if self._is_terminal else ELSEWHERE
        self._due = time.monotonic() + self._every
        self._is_told = False

    def __call__(self, done: int, total: int) -> None:
        """Tell it if it is time to. A total of 0 is one that nobody knows."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + self._every
        self._is_told = True
        share = f"{100 * done // total} %" if total else f"{done >> 20} MiB"
        if self._is_terminal:
            print(f"\r{self._what}: {share} ", end="", file=sys.stderr, flush=True)
        else:
            print(f"{self._what}: {share}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line of a terminal."""
        if self._is_told and self._is_terminal:
            print(file=sys.stderr)
