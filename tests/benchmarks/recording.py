"""What the audit log costs a call: both events built, chained and written, the disk not waited for.

The exchange is a real one of the road, kept as it stood before its intent and before its outcome,
and recorded again and again as new ones. CPU time of this thread, so the kernel's part of a write
counts and a sync does not.
"""

from __future__ import annotations

import statistics
import time
from copy import copy
from pathlib import Path

import flow

from benchmarks import payload, steps
from sidecar import audit
from sidecar.exchange import Exchange
from sidecar.model import Reply

_BATCH = 20
"""Calls whose CPU time is read at once: the clock itself costs as much as a part of an event."""


async def measured(folder: Path, calls: int) -> dict[str, dict[str, float]]:
    """Median CPU microseconds of the intent, the outcome and both, by payload."""
    async with flow.flow(folder) as made:
        return {name: await _one(made, name, calls) for name in payload.CALLS}


async def _one(made: flow.Flow, name: str, calls: int) -> dict[str, float]:
    before, after = await _kept(made, name)
    batches = [await _batch(made, before, after) for _ in range(max(5, calls // _BATCH))]
    intents, outcomes = zip(*batches, strict=True)
    found = {"intent": statistics.median(intents), "outcome": statistics.median(outcomes)}
    return found | {"whole call": sum(found.values())}


async def _kept(made: flow.Flow, name: str) -> tuple[Exchange, Exchange]:
    """One call's exchange before its intent, and before its outcome."""
    stood: dict[str, Exchange] = {}

    def keep(step: str, exchange: Exchange) -> None:
        stood[step] = exchange._replace(tally=copy(exchange.tally))

    made.road._observe = keep
    body = payload.CALLS[name]

    async def read_body() -> bytes:
        return body

    made.backend.reply = Reply(200, flow.JSON, payload.ANSWERS[name])
    await made.road.handle(steps.head(made, body), read_body)
    made.road._observe = None
    return stood["decide"], stood["redact"]


async def _batch(made: flow.Flow, before: Exchange, after: Exchange) -> tuple[float, float]:
    records = made.road._records
    ids = [audit.event_id() for _ in range(_BATCH)]
    intents = [before._replace(id=one, tally=copy(before.tally)) for one in ids]
    outcomes = [after._replace(id=one, tally=copy(after.tally)) for one in ids]
    began = time.thread_time()
    for exchange in intents:
        await records.intent(exchange)
    between = time.thread_time()
    for exchange in outcomes:
        await records.outcome(exchange, "ok")
    return _each(between - began), _each(time.thread_time() - between)


def _each(seconds: float) -> float:
    return seconds * 1e6 / _BATCH
