"""What a decision costs with the library: in process, by a real OPA over REST, and by both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import flow
import opa_parts
import tools
from downloads import ToolMissingError

from sidecar.model import Caller, Endpoint, Tool
from sidecar.policy import Both, Embedded, Engine, Facts, Policy, Server
from sidecar.settings import shipped

LISTED = 120
"""Tools of the list that is decided on."""

_CALLER = Caller(Endpoint("bench", None, ("read", "write")), is_authenticated=True, subject="agent")
_WARM = 20


async def measured(calls: int) -> dict[str, dict[str, float]]:
    """Median microseconds for a call and for a list, by engine; those of OPA where there is one."""
    ours = Embedded(flow.BUNDLE)
    found = {"embedded": await _both_kinds(ours, calls)}
    try:
        tools.find("opa")
    except ToolMissingError:
        return found
    async with AsyncExitStack() as stack:
        url, _ = stack.enter_context(opa_parts.opa(shipped("policies")))
        theirs = await stack.enter_async_context(Server(url, 5.0))
        found["OPA over REST"] = await _both_kinds(theirs, calls)
        found["both"] = await _both_kinds(Both(ours, theirs), calls)
    return found


async def _both_kinds(engine: Engine, calls: int) -> dict[str, float]:
    policy = Policy(engine, 5.0)
    kinds: Mapping[str, tuple[Tool, ...]] = {
        "a call": (flow.CATALOG.rows[0].tool,),
        f"a list of {LISTED}": tuple(row.tool for row in flow.CATALOG.rows[:LISTED]),
    }
    return {name: await _median(policy, asked, calls) for name, asked in kinds.items()}


async def _median(policy: Policy, asked: tuple[Tool, ...], calls: int) -> float:
    now, took = datetime.now(UTC), []
    is_call = len(asked) == 1
    for _ in range(_WARM + calls):
        facts = Facts(
            asked,
            _CALLER,
            "tools/call" if is_call else "tools/list",
            "2025-11-25",
            now,
            {"id": "c1"} if is_call else None,
        )
        started = time.perf_counter()
        await policy.decide(facts)
        took.append((time.perf_counter() - started) * 1e6)
    return statistics.median(took[_WARM:])
