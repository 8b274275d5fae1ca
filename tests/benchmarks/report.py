"""The numbers as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.rounds import CONNECTIONS, RATE

_BASE = "pass-through"


def text(found: dict[str, Any]) -> str:
    """Write the whole report."""
    sections = (
        _measured,
        _ways,
        _ratios,
        _programs,
        _steps,
        _deciding,
        _recording,
        _redaction,
        _verification,
        _watching,
        _commits,
        _review,
    )
    return "\n".join(line for section in sections for line in ("", *section(found)))


def _measured(found: dict[str, Any]) -> Iterator[str]:
    cores, plan, loop = found["cores"], found["plan"], found["reference_loop_ms"]
    is_pinned = cores["proxy"] is not None
    yield (
        f"proxies on core {cores['proxy']}, load and backend on core {cores['load_and_backend']}"
        if is_pinned
        else "not pinned: fewer than two cores to choose from, so the numbers below are rough"
    )
    yield (
        f"{plan['rounds']} rounds in turn, {plan['seconds']} s each; CPU and requests/s with "
        f"{CONNECTIONS} connections always busy, latency at {RATE:.0f} requests/s"
    )
    sizes = ", ".join(f"{name} {size} B" for name, size in found["payload_bytes"].items())
    yield f"replies: {sizes}; Python {found['python']}; loopback, no TLS"
    yield (
        f"noise: the same loop of Python took {loop['min']} to {loop['max']} ms "
        f"(median {loop['median']}) on the proxies' core"
    )


def _ways(found: dict[str, Any]) -> Iterator[str]:
    ways, base = found["ways"], found["ways"]["direct"]
    columns = ("CPU µs/request", "(min..max)", "requests/s", "p50 µs", "p99 µs", "added p50", "p99")
    yield f"{'':20}" + "".join(f"{column:>15}" for column in columns)
    for name, way in ways.items():
        cpu, latencies = way["cpu_us"], (way["p50_us"], way["p99_us"])
        added = (latencies[0] - base["p50_us"], latencies[1] - base["p99_us"])
        numbers = (way["rps"]["median"], *latencies, *added)
        span = f"{cpu['min']:.0f}..{cpu['max']:.0f}"
        row = f"{name:20}{cpu['median']:>15.0f}{span:>15}"
        yield row + "".join(f"{number:>15.0f}" for number in numbers)
    yield "CPU of direct is the backend's own; the others' is the proxy's, with all its threads."


def _ratios(found: dict[str, Any]) -> Iterator[str]:
    ways, direct = found["ways"], found["ways"]["direct"]
    base = ways[_BASE]
    for name, way in ways.items():
        if name in {_BASE, "direct"}:
            continue
        cpu = way["cpu_us"]["median"] / base["cpu_us"]["median"]
        added = (way["p50_us"] - direct["p50_us"]) / max(1.0, base["p50_us"] - direct["p50_us"])
        yield f"{name} / {_BASE}: {cpu:.1f} times the CPU, {added:.1f} times the added p50"


def _programs(found: dict[str, Any]) -> Iterator[str]:
    for name, ready in found["ready_ms"].items():
        span = f"{ready['min']:.0f}..{ready['max']:.0f}"
        memory = f"resident {found['rss_mb'][name]:.0f} MB after the load"
        yield f"{name:20}ready after {ready['median']:.0f} ms ({span}), {memory}"


def _steps(found: dict[str, Any]) -> Iterator[str]:
    steps = found["steps_us"]
    yield "in process, median µs of each step" + "".join(f"{name:>10}" for name in steps)
    for step in next(iter(steps.values())):
        yield f"  {step:32}" + "".join(f"{one[step]:>10.1f}" for one in steps.values())
    yield "  (forward ends at a scripted backend here, so the client's cost is not in it)"


def _deciding(found: dict[str, Any]) -> Iterator[str]:
    """A decision by each engine; OPA is a process of its own, with the same cores."""
    engines: dict[str, dict[str, float]] = found["decide_us"]
    kinds = next(iter(engines.values()), {})
    yield "median µs of a decision, by the library" + "".join(f"{kind:>16}" for kind in kinds)
    for engine, took in engines.items():
        yield f"  {engine:37}" + "".join(f"{took[kind]:>16.0f}" for kind in kinds)


def _recording(found: dict[str, Any]) -> Iterator[str]:
    """What the audit log costs a call."""
    audit = found["audit_us"]
    yield "in process, median CPU µs of the audit log" + "".join(f"{name:>10}" for name in audit)
    for part in next(iter(audit.values()), {}):
        yield f"  {part:40}" + "".join(f"{one[part]:>10.1f}" for one in audit.values())
    yield "  (both events built, chained and given to the kernel; no disk is waited for)"


def _redaction(found: dict[str, Any]) -> Iterator[str]:
    """Masking alone by size, and how long a large result keeps others waiting."""
    masking = found["redaction"]
    kinds = list(next(iter(masking["cpu_us"].values())))
    yield "masking alone, CPU µs of a result" + "".join(f"{kind:>12}" for kind in kinds)
    for size, row in masking["cpu_us"].items():
        yield f"  {size:31}" + "".join(f"{row[kind]:>12.0f}" for kind in kinds)
    for kind, one in masking["large"].items():
        span = f"{one['gap_ms']:.0f} ms (in the worst round {one['worst_gap_ms']:.0f}"
        yield (
            f"  a result of 1 MB ({kind}) took {one['took_ms']:.0f} ms; longest wait of the event "
            f"loop {span}, without any work {one['idle_gap_ms']:.0f})"
        )


def _verification(found: dict[str, Any]) -> Iterator[str]:
    """Each verification, and its share of the road of a call with nothing to mask."""
    clean = found["steps_us"]["clean"]
    rest = clean["whole road"] - clean["verify"]
    yield "in process, median µs to verify a caller, and its share of a road with nothing to mask"
    for name, took in found["verify_us"].items():
        yield f"  {name:32}{took:>10.1f}{took / (rest + took):>10.1%}"


def _watching(found: dict[str, Any]) -> Iterator[str]:
    yield "in process, median µs of metrics and traces"
    for name, took in found["watch_us"].items():
        yield f"  {name:32}{took:>10.1f}"


def _commits(found: dict[str, Any]) -> Iterator[str]:
    columns = ("records/s", "p50 ms", "p99 ms", "CPU µs each")
    yield f"{'the audit writer':32}" + "".join(f"{column:>14}" for column in columns)
    for name, one in found["audit_commits"].items():
        rest = (one["p50_ms"], one["p99_ms"], one["cpu_us"])
        row = f"  {name:30}{one['per_second']:>14.0f}"
        yield row + "".join(f"{number:>14.2f}" for number in rest)


def _review(found: dict[str, Any]) -> Iterator[str]:
    """What a reviewer waits for; verifying goes on aside while the report counts."""
    took = dict(found["review_s"])
    yield f"a log of {took.pop('events'):.0f} events, {took.pop('megabytes'):.0f} MB, in seconds"
    for name, seconds in took.items():
        yield f"  {name:32}{seconds:>10.2f}"
