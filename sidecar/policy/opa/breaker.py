"""Stops asking what does not answer: who calls is refused at once, not after a wait.

Closed, everything is asked. After `failures` in a row it opens, and nothing is asked for `pause`
seconds; then one attempt is let through as a probe while all others are still refused. If the probe
succeeds all are asked again; else the pause begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from sidecar.errors import OrganDown

_log = structlog.get_logger("sidecar.policy")


class Down(OrganDown):
    """What was asked does not work: this counts as a failure, and nothing else does."""


class Breaker:
    """For the use of one event loop. `name` is what is told of in the log; `pause` are seconds."""

    def __init__(
        self,
        name: str,
        failures: int = 5,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._most = failures
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._is_probed = False

    @property
    def is_open(self) -> bool:
        """Whether what is asked for is refused, but for a probe."""
        return self._opened is not None

    @contextmanager
    def attempt(self) -> Iterator[bool]:
        """Ask within this; gives whether it is the probe. Down from inside counts, and goes on.

        An attempt that is cancelled tells nothing, and makes room for the next probe.

        Raises:
            OrganDown: it is open.
        """
        is_probe = self._opened is not None
        if is_probe:
            self._let_probe(self._opened or 0.0)
        try:
            yield is_probe
        except Down as down:
            self._failed(down, is_probe=is_probe)
            raise
        else:
            self._succeeded()
        finally:
            if is_probe:
                self._is_probed = False

    def _let_probe(self, opened: float) -> None:
        if self._is_probed or self._clock() - opened < self._pause:
            what = f"{self._name} is not asked for the moment, since it did not answer"
            raise OrganDown(what, reason="policy_failed")
        self._is_probed = True

    def _failed(self, down: Down, *, is_probe: bool) -> None:
        self._failures += 1
        if is_probe:
            self._opened = self._clock()
        elif self._opened is None and self._failures >= self._most:
            self._opened = self._clock()
            _log.error(
                "every call is refused, since who decides does not answer",
                engine=self._name,
                why=str(down),
            )

    def _succeeded(self) -> None:
        self._failures = 0
        if self._opened is not None:
            self._opened = None
            _log.warning("who decides answers again", engine=self._name)
