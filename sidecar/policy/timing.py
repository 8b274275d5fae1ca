"""How long a policy takes for the largest that it may be asked, told before it decides.

Nothing can break off an evaluation in this process, and while one lasts nobody else is served. So a
policy is timed when it is loaded: calls whose arguments are as large as `bounds` lets them be, in
three shapes, and a long list. Each is asked at a twenty-fifth and at a fifth of its size first:
what takes too long there is told at once, and not tried at the whole. It is the thread's own
processor time that counts, the better of two, so that a busy machine makes nothing slow.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sidecar.errors import ConfigError, OrganDown, Problem
from sidecar.model import ENTITIES, Caller, Endpoint, Finding, JsonObject, Tool
from sidecar.policy import bounds
from sidecar.policy.bundle import Bundle
from sidecar.policy.embedded import Embedded
from sidecar.policy.facts import Facts

BUDGET: Final = 0.25
"""Seconds for one decision beyond which is warned: half of the time that one has by default. The
library takes 0.06 where it was measured."""

MOST: Final = 2.0
"""Seconds for one decision beyond which a policy is refused."""

LIST: Final = 200
"""Tools of the long list."""

_PARTS: Final = (25, 5, 1)
_CALLER: Final = Caller(Endpoint("timing", None, methods=("read", "write", "custom")), True)
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TOOL: Final = Tool(
    "timing",
    is_known=True,
    method="create",
    effect="write",
    tags=("bulk_pii", "customers", "export", "outbound", "webhooks"),
)


class Stopwatch:
    """Times a bundle that was rehearsed. Raises ConfigError when it cannot run."""

    def __init__(self, bundle: Bundle) -> None:
        self._engine = Embedded(bundle, is_tried=True)
        self._asked({"version": 1, "tools": []})  # the first question compiles

    def seconds(self, document: JsonObject, enough: float) -> float:
        """Processor time of this thread for a decision; the better of two, if over `enough`."""
        taken = self._asked(document)
        return taken if taken <= enough else min(taken, self._asked(document))

    def _asked(self, document: JsonObject) -> float:
        started = time.thread_time()
        try:
            # Nothing is awaited in there, so that it needs no event loop: a step is the whole.
            with contextlib.suppress(StopIteration):
                self._engine.evaluate(document).send(None)
        except OrganDown as down:
            raise ConfigError([Problem("policy", f"cannot be timed: {down}")]) from None
        return time.thread_time() - started


class Slow(NamedTuple):
    """What a policy takes too long for, and whether that is far too long."""

    problem: Problem
    is_refused: bool


def slow(bundle: Bundle) -> Slow | None:
    """The slowest of what is asked, if it is slow. Takes a tenth of a second for the library.

    Raises ConfigError when the bundle cannot run.
    """
    watch, worst = Stopwatch(bundle), (0.0, "")
    for part in _PARTS:
        for what, document in _shapes(part):
            taken = watch.seconds(document, enough=BUDGET)
            worst = max(worst, (taken, what))
        if worst[0] > BUDGET:
            return _told(*worst, is_refused=part > 1 or worst[0] > MOST)
    return None


def _told(taken: float, what: str, *, is_refused: bool) -> Slow:
    most = f"more than {MOST:g} s for the largest is refused, and {BUDGET:g} s for a fifth of it"
    said = f"a decision takes {taken:.2f} s of processor time for {what}, while nobody is served"
    remedy = "walk the arguments once, and compare less"
    return Slow(Problem("policy", said, f"{most}; {remedy}" if is_refused else remedy), is_refused)


def _shapes(part: int) -> Iterator[tuple[str, JsonObject]]:
    """Documents at so many parts of the bounds, each with what it is in words."""
    values, size = bounds.MAX_VALUES // part, bounds.MAX_BYTES // part
    records = [{"key": "value of twenty bytes", "other": "x"}] * (values // 3 - 1)
    yield f"arguments of {values} values", _call({"records": records})
    text = "lorem ipsum dolor. " * (size // 19 - 2)
    yield f"arguments of {size} bytes", _call({"text": text})
    count = bounds.MAX_FINDINGS // part
    kinds = sorted(ENTITIES)
    found = [Finding(kinds[i % len(kinds)], f"/records/{i}/key", 20) for i in range(count)]
    yield f"arguments with {count} findings", _call({"records": records[:count]}, *found)
    tools = [replace(_TOOL, name=f"timing_{number}") for number in range(LIST // part)]
    facts = Facts(tools, _CALLER, "tools/list", "2025-11-25", _NOW)
    yield f"a list of {len(tools)} tools", facts.document()


def _call(arguments: JsonObject, *findings: Finding) -> JsonObject:
    facts = Facts((_TOOL,), _CALLER, "tools/call", "2025-11-25", _NOW, arguments, findings)
    return facts.document()
