"""What masking costs by the size of a result, and how long a large one keeps others waiting."""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import flow

from benchmarks import payload, steps
from sidecar.model import Mask
from sidecar.redaction import redact

SIZES = {"4 KB": 4_000, "20 KB": 20_000, "100 KB": 100_000}
LARGE = 960_000
"""Bytes of records, which are about 1 MB in JSON inside JSON; longer texts are refused."""
_ROUNDS = 5
_BYTES = 4_000
"""Bytes of results in a round for each call that was asked for."""


async def measured(folder: Path, calls: int) -> dict[str, Any]:
    """Least CPU microseconds of a result by size and kind; milliseconds of a large one on the road.

    What the machine does to an idle event loop stands beside the longest waits of a busy one: other
    programs cause waits as well, so the least of the rounds is what the sidecar causes.
    `folder` exists; audit logs are written below it. What stands is frozen as in the real program.
    """
    gc.collect()
    gc.freeze()
    try:
        cpu = {
            name: {kind: _cpu(kind, size, calls) for kind in payload.CALLS}
            for name, size in SIZES.items()
        }
        large = {kind: await _large(folder, kind) for kind in payload.CALLS}
    finally:
        gc.unfreeze()
    return {"cpu_us": cpu, "large": large}


def _masks() -> list[Mask]:
    """As the library's policies have them."""
    actions = flow.BUNDLE.data["sidecar"]["config"]["masks"].items()
    return [Mask("*", action, "masks.default", entity) for entity, action in actions]


def _cpu(kind: str, size: int, calls: int) -> float:
    result, masks = payload.sized(kind, size), _masks()
    tool = flow.CATALOG.find(payload.tool_of(kind))
    repeats = max(1, calls * _BYTES // size // _ROUNDS)
    took = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for _ in range(repeats):
            redact(result, tool, masks)
        took.append((time.process_time() - begun) / repeats)
    return min(took) * 1e6


async def _large(folder: Path, kind: str) -> dict[str, float]:
    """One large result on the road, while somebody else asks for a turn all the time."""
    body = payload.CALLS[kind]

    async def read_body() -> bytes:
        return body

    with tempfile.TemporaryDirectory(dir=folder) as name:
        return await _timed(Path(name), kind, read_body)


async def _timed(
    folder: Path, kind: str, read_body: Callable[[], Awaitable[bytes]]
) -> dict[str, float]:
    async with flow.flow(folder) as made:
        made.backend.reply = flow.result(payload.sized(kind, LARGE))
        head = steps.head(made, payload.CALLS[kind])
        await made.road.handle(head, read_body)  # what is built once is built
        took, gaps = [], []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            call = asyncio.create_task(made.road.handle(head, read_body))
            gaps.append(await longest_wait(call))
            took.append(time.perf_counter() - begun)
            if (await call).status != 200:
                raise ValueError(f"{kind}: a large result was not answered")
        idle = await longest_wait(asyncio.create_task(asyncio.sleep(min(took))))
    seconds = {"took": statistics.median(took), "gap": min(gaps), "worst_gap": max(gaps)}
    return {f"{name}_ms": value * 1e3 for name, value in (seconds | {"idle_gap": idle}).items()}


async def longest_wait(task: asyncio.Task[Any]) -> float:
    """Seconds between two turns of the event loop, the longest until the task is done."""
    times = [time.perf_counter()]
    while not task.done():
        await asyncio.sleep(0)
        times.append(time.perf_counter())
    return max(later - earlier for earlier, later in itertools.pairwise(times))
