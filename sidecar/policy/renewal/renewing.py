"""What taking up a newer policy takes, whether it is to decide or only on trial.

Where policies come from, where it is written down, the look again and again, and the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from sidecar.errors import ConfigError, OrganDown, Problem, Refusal
from sidecar.policy.bundle import Bundle
from sidecar.policy.embedded import Embedded
from sidecar.policy.engine import Engine

_log = structlog.get_logger("sidecar.policy")

Record = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Writes a lifecycle event: its `what`, and what else it says. Raises OrganDown."""


class Source(Protocol):
    """Where policies come from while the sidecar serves."""

    async def changed(self) -> Bundle | None:
        """The policy that is there now, checked as `load` does; None: as when last asked.

        Raises:
            ConfigError: what is there now cannot be used. Raised once for each change.
        """


async def looking(
    look: Callable[[], Awaitable[None]], stumbled: Callable[[Problem], None], period: float
) -> None:
    """Look every so many seconds until cancelled; told of each look that fails."""
    while True:
        await asyncio.sleep(period)
        try:
            await look()
        except Refusal as down:
            _log.warning("a new policy waits: it cannot be recorded", reason=down.reason)
        except Exception as fault:  # noqa: BLE001 - the outer edge: a look that ends is a policy for ever
            stumbled(Problem("policy", f"not judged: {type(fault).__name__}"))
            _log.error("the newest policy could not be judged", exc_info=fault)


async def begun(bundle: Bundle) -> Engine:
    """An engine of a bundle that was checked, ready for its first question.

    Raises:
        ConfigError: it does not run.
    """
    engine = Embedded(bundle, is_tried=True)
    # Compiled by its first question; the event loop breathes between the two.
    await asyncio.sleep(0)
    try:
        await engine.evaluate({"version": 1, "tools": []})
    except OrganDown as down:
        raise ConfigError([Problem("policy", f"does not run: {down}")]) from None
    return engine
