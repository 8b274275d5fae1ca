"""Measure what the sidecar adds to a call: `python tests/bench.py [--seconds N] [--json FILE]`.

The same calls go to the same backend in three ways, in turn, round by round: directly, through a
bare proxy of the same parts (uvicorn and aiohttp, no check), and through the whole sidecar as a
real process with bearer tokens, the embedded policy, masks and the audit log. The proxies have one
core, load and backend another, where the machine lets them.

Trust the CPU time per request, read from the kernel's scheduler, and the ratios within one run;
requests per second and latency are those of this machine in this minute. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from benchmarks import (
    commits,
    deciding,
    recording,
    redaction,
    report,
    reviewing,
    rounds,
    steps,
    verification,
    watching,
)
from benchmarks.processes import Cores, NotStartedError


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print; exit with 1 if anything answered otherwise than it should."""
    given = _parsed(arguments)
    if sys.platform != "linux":
        sys.exit("bench: CPU times are read from /proc, which Linux alone has; use a container")
    plan = rounds.Plan(given.seconds, given.rounds)
    try:
        found = uvloop.run(_measured(plan, given.calls, given.events))
    except (NotStartedError, rounds.WrongAnswerError) as error:
        sys.exit(f"bench: {error}")
    except TimeoutError:
        sys.exit("bench: a program stopped answering while it was measured; nothing can be said")
    print(report.text(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    if found["wrong_answers"]:
        sys.exit(f"bench: {found['wrong_answers']} answers were not the expected ones; see above")


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what the sidecar adds to a call.")
    parser.add_argument("--seconds", type=float, default=0.8, help="of each measurement (0.8)")
    parser.add_argument("--rounds", type=int, default=5, help="of all measurements (5)")
    parser.add_argument("--calls", type=int, default=400, help="of each kind, in process (400)")
    parser.add_argument("--events", type=int, default=300_000, help="of a long log (300000)")
    parser.add_argument("--json", type=Path, help="write all numbers to this file, too")
    given = parser.parse_args(arguments)
    if not (0 < given.seconds <= 60 and given.rounds > 0 and given.calls > 0 and given.events > 1):
        parser.error(
            "--seconds is more than 0 and at most 60; --rounds, --calls and --events at least 1"
        )
    return given


async def _measured(plan: rounds.Plan, calls: int, events: int) -> dict[str, Any]:
    cores = Cores.of_machine()
    with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as name:
        folder = Path(name)
        found = await rounds.measured(plan, cores, folder)
        print(f"{calls} calls of each kind in process, step by step …", flush=True)
        with cores.on_proxy():
            found["steps_us"] = await steps.measured(folder, calls)
            found["decide_us"] = await deciding.measured(calls)
            found["audit_us"] = await recording.measured(_made(folder / "recording"), calls)
            found["redaction"] = await redaction.measured(folder, calls)
            found["verify_us"] = await verification.measured(calls)
            found["watch_us"] = await watching.measured(Path(tempfile.mkdtemp(dir=folder)), calls)
        found["audit_commits"] = await commits.measured(folder)
        print(f"a log of {events} events, verified and reported on …", flush=True)
        found["review_s"] = await reviewing.measured(folder / "long", events)
    return found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
