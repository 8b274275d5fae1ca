"""What recording costs the audit writer: alone, and when many wait for the disk together."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from test_audit_event import intent

from sidecar import audit
from sidecar.model import Event

CALLERS = (1, 200)
_EACH = 100
_LEAST = 1000


async def measured(folder: Path) -> dict[str, dict[str, float]]:
    """Rate, latency and CPU of records, by how durable they are and how many callers wait.

    `folder` exists and is on the disk that is measured. CPU is of the whole process, both threads.
    """
    found = {}
    for callers in CALLERS:
        for durability in ("written", "synced"):
            name = f"{durability}, {callers} waiting"
            writer = audit.Writer(
                folder / name.replace(", ", "-"),
                instance="benchmark",
                clock=lambda: datetime.now(UTC),
                max_bytes=1 << 30,
            )
            events = [intent() for _ in range(max(_LEAST, callers * _EACH))]
            found[name] = await _one(writer, events, callers, is_synced=durability == "synced")
            writer.close()
    return found


async def _one(
    writer: audit.Writer, events: list[Event], callers: int, *, is_synced: bool
) -> dict[str, float]:
    took: list[float] = []

    async def one(mine: Iterator[Event]) -> None:
        for event in mine:
            began = time.perf_counter()
            await writer.record(event, is_synced=is_synced)
            took.append(time.perf_counter() - began)

    queue, began, cpu = iter(events), time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(queue) for _ in range(callers)))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    shares = statistics.quantiles(took, n=100)
    return {
        "per_second": len(events) / wall,
        "p50_ms": shares[49] * 1e3,
        "p99_ms": shares[98] * 1e3,
        "cpu_us": cpu / len(events) * 1e6,
    }
