"""What it costs to count an exchange, to take it for a trace, and to tell of both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flow import JSON, flow

from benchmarks import payload
from sidecar.metrics import Counts, Metrics, Sources
from sidecar.model import Reply
from sidecar.telemetry import Collector, Exporter


async def measured(folder: Path, calls: int) -> dict[str, float]:
    """Median microseconds by what is done; `folder` is for the audit log of one masked call."""
    ended: list[tuple[Any, ...]] = []
    async with flow(folder, watches=(lambda *told: ended.append(told),)) as made:
        name = next(name for name in payload.CALLS if name != "clean")
        made.backend.reply = Reply(200, JSON, payload.ANSWERS[name])
        await made.ask(payload.CALLS[name], endpoint="read")
    counts, exporter = Counts(), Exporter(Collector("http://127.0.0.1:9"), 1.0)
    metrics = Metrics(counts, Sources())
    for _ in range(calls):
        counts.ended(*ended[0])
        exporter.ended(*ended[0])
    batch = list(exporter._waiting)
    return {
        "to count a request": _median(lambda: counts.ended(*ended[0]), calls),
        "to take it for a trace": _median(lambda: _taken(exporter, ended[0]), calls),
        "to write its spans, in a thread": _median(lambda: exporter._traces(batch), 5) / len(batch),
        "to read /metrics": _median(metrics.text, 20),
    }


def _taken(exporter: Exporter, ended: tuple[Any, ...]) -> None:
    exporter.ended(*ended)
    exporter._waiting.clear()


def _median(do: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        do()
        took.append((time.perf_counter() - started) * 1e6)
    return statistics.median(took)
