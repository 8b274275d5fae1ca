"""Ships audit lines to sinks, each in a thread and at a pace of its own; a record waits for none.

A sink reads the log behind its writer, from a cursor that it keeps beside the log. So nothing is
queued, a sink that hangs delays nobody, and what was not delivered is read again: after a failure,
and after a restart. Lines can arrive more than once, never in another order, and none is left out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from sidecar.audit.chain import Tip
from sidecar.audit.follower import Follower
from sidecar.audit.sinks import Anchors, Sink

_log = structlog.get_logger("sidecar.audit")

LINGER_SECONDS: Final = 0.05
"""How long lines gather after a delivery, so that a busy log costs few syncs and requests."""

RETRY_SECONDS: Final = 30.0
"""Longest wait between two attempts of a sink that fails; the first is half a second."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sink is.

    Attributes:
        sink: Its name: `anchors`, `stdout` or `otlp`.
        upto: The last record that it has acknowledged.
        lag_lines: Records that wait for it.
        lag_seconds: Since when some do; 0 if none does.
        failures: Attempts that failed since the start.
        cause: Why the last attempt failed; empty if it did not.
    """

    sink: str
    upto: int
    lag_lines: int
    lag_seconds: float
    failures: int
    cause: str


class Shipping:
    """The sinks of one log; anchors are always among them.

    Args:
        folder: The log's folder, where the cursors are kept as `audit.cursor.<sink>`.
        sinks: Where every line is wanted.
        retry: Seconds between attempts at most.
    """

    def __init__(
        self, folder: Path, sinks: Sequence[Sink] = (), *, retry: float = RETRY_SECONDS
    ) -> None:
        self._anchors = _Pump(folder, Anchors(), retry)
        self._wanted = [_Pump(folder, sink, retry) for sink in sinks]

    def start(self) -> None:
        """Begin to ship what is, or will be, told to be written."""
        for pump in self._pumps:
            pump.start()

    def written(self, tip: Tip) -> None:
        """Learn that the log now ends with a record. Costs a writer next to nothing."""
        for pump in self._pumps:
            pump.written(tip.seq)

    def acknowledged(self) -> int:
        """The last record that every sink has; 0 while no sink is wanted besides anchors.

        Up to there a segment may be pruned: each line is elsewhere, and so are its anchors.
        """
        return min(pump.progress().upto for pump in self._pumps) if self._wanted else 0

    def progress(self) -> tuple[Progress, ...]:
        """How far each sink is."""
        return tuple(pump.progress() for pump in self._pumps)

    def told(self) -> str:
        """Say which sinks fail, in a line for readiness; empty if none does."""
        failing = [p for p in self.progress() if p.cause]
        parts = [f"{p.sink} ({p.lag_lines} lines, {p.lag_seconds:.0f} s)" for p in failing]
        return f"audit lines wait for {', '.join(parts)}; the log says why" if parts else ""

    def close(self, timeout: float) -> None:
        """Let the sinks catch up with what was written last, for `timeout` seconds in all.

        What is left is shipped after the next start.
        """
        until = time.monotonic() + timeout
        for pump in self._pumps:
            pump.finish(until)
        for pump in self._pumps:
            pump.join(max(0.0, until - time.monotonic()) + LINGER_SECONDS)

    @property
    def _pumps(self) -> list[_Pump]:
        return [self._anchors, *self._wanted]


class _Pump(threading.Thread):
    """Takes what is new to one sink, again and again."""

    def __init__(self, folder: Path, sink: Sink, retry: float) -> None:
        super().__init__(name=f"audit-{sink.name}", daemon=True)
        self._sink = sink
        self._retry = retry
        self._follower = Follower(folder, folder / f"audit.cursor.{sink.name}")
        self._acknowledged = 0  # what a cursor says counts once this log was seen to hold it
        self._upto = 0
        self._news = threading.Event()
        self._ending = threading.Event()
        self._until = 0.0
        self._behind_since = 0.0
        self._failures = 0
        self._in_a_row = 0
        self._cause = ""

    def written(self, seq: int) -> None:
        """Learn of a new record."""
        if self._acknowledged >= self._upto:
            self._behind_since = time.monotonic()
        self._upto = seq
        if not self._news.is_set():
            self._news.set()

    def finish(self, until: float) -> None:
        """Ask to end once all is delivered, at the next failure, or at a time of the clock."""
        self._until = until
        self._ending.set()
        self._news.set()

    def progress(self) -> Progress:
        """How far it is."""
        lag = max(0, self._upto - self._acknowledged)
        waited = time.monotonic() - self._behind_since if lag else 0.0
        is_dead = lag and self.ident is not None and not self.is_alive()
        cause = self._cause or ("its thread has ended" if is_dead else "")
        return Progress(self._sink.name, self._acknowledged, lag, waited, self._failures, cause)

    def run(self) -> None:
        """Deliver until told to end."""
        is_over = False
        while not is_over:
            self._news.wait()
            self._news.clear()
            pause = self._round()
            is_late = self._cause or time.monotonic() >= self._until
            is_over = self._ending.is_set() and bool(is_late or self._acknowledged >= self._upto)
            self._ending.wait(pause)
        self._follower.close()
        self._sink.close()

    def _round(self) -> float:
        """Deliver what is there; give the seconds until the next look."""
        try:
            self._deliver()
        except OSError as error:
            self._fail(str(error) or type(error).__name__)
            self._news.set()
            return min(self._retry, 0.25 * 2.0 ** min(self._in_a_row, 10))
        if self._cause:
            _log.info("audit lines are shipped again", sink=self._sink.name)
            self._cause, self._in_a_row = "", 0
        return LINGER_SECONDS

    def _deliver(self) -> None:
        while not (self._ending.is_set() and time.monotonic() >= self._until):
            batch = self._follower.take(self._upto)
            self._acknowledged = min(self._follower.passed_seq, self._upto)
            if not batch.lines:
                return
            self._sink.send(batch.lines)
            self._follower.passed(batch)
            self._acknowledged = self._follower.passed_seq

    def _fail(self, cause: str) -> None:
        self._failures += 1
        self._in_a_row += 1
        if cause != self._cause:  # told once, however often it is tried
            _log.warning("audit lines are not shipped", sink=self._sink.name, cause=cause)
        self._cause = cause
