"""What each step of the road costs, in process and without sockets: the real road and organs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import flow

from benchmarks import payload
from sidecar.model import Head, Reply

_WARM = 100


async def measured(folder: Path, calls: int) -> dict[str, dict[str, float]]:
    """Median microseconds of each step, by payload; `forward` ends at a scripted backend.

    `folder` exists and is empty; the audit log is written there.

    Raises:
        ValueError: the road's answer is not what it should be.
    """
    async with flow.flow(folder) as made:
        watch = _Watch()
        made.road._observe = watch.passed
        return {name: await _one(made, watch, name, calls) for name in payload.CALLS}


class _Watch:
    """The times between two steps, gathered by the name of the later one."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = {}
        self.last = 0.0

    def passed(self, step: str, _exchange: object) -> None:
        now = time.perf_counter()
        self.took.setdefault(step, []).append((now - self.last) * 1e6)
        self.last = time.perf_counter()


async def _one(made: flow.Flow, watch: _Watch, name: str, calls: int) -> dict[str, float]:
    body = payload.CALLS[name]
    made.backend.reply = Reply(200, flow.JSON, payload.ANSWERS[name])
    sent = head(made, body)

    async def read_body() -> bytes:
        return body

    for number in range(_WARM + calls):  # what is measured comes after the first hundred
        if number == _WARM:
            watch.took.clear()
        made.backend.sent.clear()
        watch.last = time.perf_counter()
        _check(name, (await made.road.handle(sent, read_body)).body)
    return _medians(watch.took)


def head(made: flow.Flow, body: bytes) -> Head:
    """The head of a measured call, with a good bearer token."""
    headers = {
        "host": "localhost",
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "mcp-protocol-version": "2025-11-25",
        "user-agent": "benchmark",
        "authorization": f"Bearer {flow.token()}",
    }
    return Head("POST", f"/mcp/{made.tokens['read']}", tuple(headers.items()), "127.0.0.1")


def _check(name: str, body: bytes) -> None:
    original = payload.ANSWERS[name]
    if not (body == original if name == "clean" else payload.is_masked(body, original)):
        raise ValueError(f"{name}: the road gave {len(body)} bytes that do not fit")


def _medians(took: Mapping[str, list[float]]) -> dict[str, float]:
    medians = {step: statistics.median(times) for step, times in took.items()}
    return medians | {"whole road": sum(medians.values())}
