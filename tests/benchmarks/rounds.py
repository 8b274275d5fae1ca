"""The measurement itself: start the programs, compare their answers, then round by round."""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import load, payload, processes
from benchmarks.processes import Cores, Program

CONNECTIONS = 16
RATE = 200.0
"""Requests per second of the open loop."""
_STARTS = 3
_WARM = 0.3
_LOOP = 100_000


class WrongAnswerError(Exception):
    """A way to the backend does not answer as it should, before anything is measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of one measurement, and rounds of all of them."""

    seconds: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the backend, with one payload."""

    name: str
    program: Program
    target: load.Target


@dataclass(slots=True)
class Numbers:
    """What was seen on one way: a value for each round; latencies of all rounds together."""

    cpu_us: list[float] = field(default_factory=list)
    rps: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    right: int = 0
    wrong: int = 0

    def add(self, seen: load.Seen) -> None:
        """Count the answers of one measurement and keep its latencies."""
        self.right += seen.right
        self.wrong += seen.wrong
        self.latencies += seen.latencies


async def measured(plan: Plan, cores: Cores, folder: Path) -> dict[str, Any]:
    """Measure everything that needs processes.

    Raises:
        NotStartedError: one of them did not come up.
        WrongAnswerError: one of them answers otherwise than it should.
    """
    async with AsyncExitStack() as stack:
        backend = await processes.backend()
        stack.push_async_callback(backend.end)
        proxies, starts = await _started(backend, cores, folder, stack)
        ways = [way for program in (backend, *proxies) for way in await _ways(program)]
        for way in ways:
            await load.closed_loop(way.target, CONNECTIONS, min(_WARM, plan.seconds))
        numbers, loops = await _rounds(plan, cores, ways)
        return {
            "cores": {"proxy": cores.proxy, "load_and_backend": cores.rest},
            "python": sys.version.split()[0],
            "plan": {"seconds": plan.seconds, "rounds": plan.rounds},
            "payload_bytes": {name: len(body) for name, body in payload.ANSWERS.items()},
            "reference_loop_ms": _spread(loops),
            "ready_ms": {name: _spread(times) for name, times in starts.items()},
            "rss_mb": {p.name: round(p.rss_bytes() / 2**20, 1) for p in (backend, *proxies)},
            "ways": {way.name: _summary(numbers[way.name]) for way in ways},
            "wrong_answers": sum(one.wrong for one in numbers.values()),
        }


async def _started(
    backend: Program, cores: Cores, folder: Path, stack: AsyncExitStack
) -> tuple[list[Program], dict[str, list[float]]]:
    """Start both proxies in turn, several times; the last ones stay."""
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(_STARTS):
        print(f"start {number + 1} of {_STARTS} …", flush=True)
        proxies = []
        for make in (
            processes.passthrough(backend, cores),
            processes.sidecar(backend, cores, folder / f"start-{number}"),
        ):
            program = await make
            proxies.append(program)
            times[program.name].append(program.ready_after * 1000)
            if number == _STARTS - 1:
                stack.push_async_callback(program.end)
            else:
                await program.end()
    return proxies, times


async def _ways(program: Program) -> list[Way]:
    """The sidecar's work depends on what it reads; that of the others does not."""
    if program.name != "sidecar":
        return [await _way(program, "by path", program.name)]
    return [await _way(program, call, f"{program.name}, {call}") for call in payload.CALLS]


async def _way(program: Program, call: str, name: str) -> Way:
    """Ask once, and hold the answer against what the backend gave."""
    request = program.request(call)
    status, body = await load.once(program.port, request)
    original = payload.ANSWERS[call]
    is_masked = program.name == "sidecar" and call != "clean"
    is_right = payload.is_masked(body, original) if is_masked else body == original
    if status != 200 or not is_right:
        raise WrongAnswerError(f"{name}: status {status}, {len(body)} bytes that do not fit")
    return Way(name, program, load.Target(program.port, request, body))


async def _rounds(
    plan: Plan, cores: Cores, ways: Sequence[Way]
) -> tuple[dict[str, Numbers], list[float]]:
    numbers: dict[str, Numbers] = defaultdict(Numbers)
    loops = []
    for number in range(plan.rounds):
        loops.append(_reference_loop(cores))
        for way in ways:
            await _round(plan.seconds, way, numbers[way.name])
        cpu = ", ".join(f"{way.name} {numbers[way.name].cpu_us[-1]:.0f}" for way in ways)
        print(f"round {number + 1} of {plan.rounds}: CPU µs per request: {cpu}", flush=True)
    return numbers, loops


async def _round(seconds: float, way: Way, numbers: Numbers) -> None:
    before = way.program.cpu_ns()
    seen = await load.closed_loop(way.target, CONNECTIONS, seconds)
    spent = way.program.cpu_ns() - before
    answers = max(1, seen.right + seen.wrong)
    numbers.cpu_us.append(spent / 1000 / answers)
    numbers.rps.append(answers / seen.seconds)
    numbers.add(seen)
    numbers.add(await load.open_loop(way.target, RATE, CONNECTIONS, seconds))


def _reference_loop(cores: Cores) -> float:
    """Milliseconds of one loop that is always the same, on the proxies' core: the noise."""
    with cores.on_proxy():
        started = time.perf_counter()
        total = 0
        for number in range(_LOOP):
            total += number & 7
        return (time.perf_counter() - started) * 1000


def _spread(values: Sequence[float]) -> dict[str, float]:
    numbers = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 1) for name, value in numbers.items()}


def _summary(numbers: Numbers) -> dict[str, Any]:
    ordered = sorted(numbers.latencies)
    return {
        "cpu_us": _spread(numbers.cpu_us),
        "rps": _spread(numbers.rps),
        "p50_us": round(ordered[len(ordered) // 2] * 1e6, 1),
        "p99_us": round(ordered[len(ordered) * 99 // 100] * 1e6, 1),
        "right": numbers.right,
        "wrong": numbers.wrong,
    }
