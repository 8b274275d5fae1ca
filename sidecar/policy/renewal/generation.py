"""Policies one after another while serving: each is read once, checked, and swapped in at once.

Theory of operation. A `Source` is asked again and again whether there is a newer policy. One that
cannot be used changes nothing: the last good one goes on deciding, and everybody who asks is told.
One that can is made an engine, and the guard lets it judge what was decided last. If it would turn
too much it stays in shadow until somebody confirms it or there is a newer one; only what decided
before the live one comes back unasked. What goes live is recorded before it decides. At the start
there is no policy before it and so no guard: what lies there decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from sidecar.errors import ConfigError, Problem
from sidecar.policy.bundle import Bundle
from sidecar.policy.decide import Policy
from sidecar.policy.engine import Engine
from sidecar.policy.renewal.guard import Guard, Turned
from sidecar.policy.renewal.renewing import Record, Source, begun, looking

if TYPE_CHECKING:
    from sidecar.policy.opa.server import Server

_log = structlog.get_logger("sidecar.policy")

DIGITS: Final = 12
"""Digits of a digest that people are shown, and the fewest that confirm it."""

_MOST: Final = 20
"""Places of problems that an event names; the log has all of them."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One policy that can decide: what it was made of, and what it would turn, if judged."""

    bundle: Bundle
    engine: Engine
    turned: Turned | None = None

    @property
    def sha256(self) -> str:
        """Its digest."""
        return self.bundle.sha256


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands, for the numbers: since when (UTC) the live one decides, and what waits.

    `reloads` counts by `live`, `held` and `unusable`.
    """

    since: datetime
    is_held: bool
    is_unusable: bool
    reloads: dict[str, int]


class Generations:
    """Takes up what a source offers. Used on the event loop's thread, where the engines live.

    Args:
        policy: What decides, by `live`.
        live: What it was loaded with.
        check: What else a policy must pass: raises ConfigError. Also the place to warn.
        confirmed: The file that confirms a policy that is held back, by digits of its digest.
        shadow: The engine that judges beside a live policy, if any; asked for with each.
        with_opa: The OPA server that has to agree with whatever decides, if there is one.
    """

    def __init__(
        self,
        policy: Policy,
        live: Bundle,
        source: Source,
        guard: Guard,
        record: Record,
        *,
        check: Callable[[Bundle], None] = lambda _: None,
        confirmed: Path | None = None,
        shadow: Callable[[Bundle], Engine | None] = lambda _: None,
        with_opa: Server | None = None,
    ) -> None:
        self._policy = policy
        self._live = Generation(live, policy.engine)
        self._before = ""
        self._source = source
        self._guard = guard
        self._record = record
        self._check = check
        self._confirmed = confirmed
        self._shadow = shadow
        self._opa = with_opa
        self._since = datetime.now(UTC)
        self._reloads: Counter[str] = Counter(live=0, held=0, unusable=0)
        self._news: Bundle | ConfigError | None = None
        self._held: Generation | None = None
        self._problems: tuple[Problem, ...] = ()

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        held, problems = self._held is not None, bool(self._problems)
        return Standing(self._since, held, problems, dict(self._reloads))

    def told(self) -> str:
        """What keeps the newest policy from deciding, in words; empty while nothing does.

        Names no rule and no tool, since an agent may read it.
        """
        live = f"{self._live.sha256[:DIGITS]} goes on deciding"
        if self._problems:
            count = len(self._problems)
            what = f"{count} problem{'s' if count > 1 else ''}, which the log names"
            return f"policy: the newest is not usable: {what}; {live}"
        if self._held is not None:
            return f"policy: {self._alarm(self._held)}; {live}"
        return ""

    async def run(self, period: float) -> None:
        """Look every so many seconds until cancelled."""
        await looking(self.look, self._stumbled, period)

    def _stumbled(self, problem: Problem) -> None:
        self._news, self._problems = None, (problem,)
        self._reloads["unusable"] += 1

    async def look(self) -> None:
        """Take up what has changed.

        Raises:
            OrganDown: it cannot be recorded, so it does not decide either; the next look tries
                again.
        """
        try:
            self._news = await self._source.changed() or self._news
        except ConfigError as error:
            self._news = error
        if isinstance(self._news, Bundle):
            try:
                await self._consider(self._news)
            except ConfigError as error:
                self._news = error
        elif self._held is not None and self._is_confirmed(self._held):
            await self._go_live(self._held)
        if isinstance(self._news, ConfigError):
            await self._refuse(self._news)
        self._news = None

    async def _refuse(self, error: ConfigError) -> None:
        places = [problem.where for problem in error.problems[:_MOST]]
        said = {"policy_sha256": self._live.sha256, "problems": len(error.problems)}
        await self._record("policy_unusable", said | {"places": places})
        self._problems = error.problems
        self._reloads["unusable"] += 1
        _log.error(
            "the newest policy cannot be used; the last good one goes on deciding",
            policy_sha256=self._live.sha256,
            problems=[str(problem) for problem in error.problems],
        )

    async def _consider(self, bundle: Bundle) -> None:
        if bundle.sha256 == self._live.sha256:
            await self._withdraw()
            return
        new = self._held
        if new is None or new.sha256 != bundle.sha256:
            self._check(bundle)
            new = await self._judged(bundle)
        # What decided before the live one may always come back: a mistake is mended at once.
        if self._is_harmless(new) or new.sha256 == self._before or self._is_confirmed(new):
            await self._go_live(new)
        else:
            await self._hold(new)

    def _is_harmless(self, new: Generation) -> bool:
        return new.turned is None or not self._guard.is_too_much(new.turned)

    async def _judged(self, bundle: Bundle) -> Generation:
        engine = await begun(bundle)
        return Generation(bundle, engine, await self._guard.judge(self._policy.engine, engine))

    async def _hold(self, held: Generation) -> None:
        if self._held is held:
            self._problems = ()
            return
        await self._record("policy_held", {"held_sha256": held.sha256, **_said(held)})
        self._held, self._problems = held, ()
        self._reloads["held"] += 1
        self._policy.adopt(self._policy.engine, held.engine)
        _log.error(f"policy: {self._alarm(held)}", policy_sha256=self._live.sha256)

    async def _go_live(self, new: Generation) -> None:
        """Recorded first: no event names a policy before the log has told that it came."""
        before, is_return = self._live.sha256, new.sha256 == self._before
        is_confirmed = not is_return and not self._is_harmless(new)
        said = {"policy_sha256": new.sha256, "policy_sha256_before": before, **_said(new)}
        said |= {"is_confirmed": is_confirmed, "is_return": is_return}
        await self._record("policy_changed", said)
        # Made after the wait, during which another folder may have come on trial.
        shadow = self._shadow(new.bundle)
        self._policy.adopt(self._deciding(new.engine), shadow)
        self._before = before
        self._live, self._held, self._problems = new, None, ()
        self._since = datetime.now(UTC)
        self._reloads["live"] += 1
        turned = str(new.turned) if new.turned else ""
        _log.info("another policy decides", policy_sha256=new.sha256, before=before, turns=turned)

    def _deciding(self, engine: Engine) -> Engine:
        """The engine of a generation, with OPA beside it where both have to agree."""
        if self._opa is None:
            return engine
        # Only who has an OPA needs an HTTP client; whoever has opened one has imported it.
        from sidecar.policy.opa.both import Both

        return Both(engine, self._opa)

    async def _withdraw(self) -> None:
        """What lies there is what decides: nothing is held back or unusable any more."""
        if self._held is not None:
            await self._record("policy_withdrawn", {"held_sha256": self._held.sha256})
            self._policy.adopt(self._policy.engine, self._shadow(self._live.bundle))
        if self._held is not None or self._problems:
            _log.info("the newest policy is again what decides", policy_sha256=self._live.sha256)
        self._held, self._problems = None, ()

    def _alarm(self, held: Generation) -> str:
        digits = held.sha256[:DIGITS]
        return (
            f"{digits} is held back: it would turn {held.turned}; "
            f"confirm with `sidecar policy confirm {digits} --config FILE`, or mend it"
        )

    def _is_confirmed(self, held: Generation) -> bool:
        # Not opened unless it is a file: a pipe would hold up everybody.
        if self._confirmed is None or not self._confirmed.is_file():
            return False
        try:
            with self._confirmed.open("rb") as file:
                digits = file.read(len(held.sha256) + 2).decode("ascii").strip()
        except (OSError, ValueError):
            return False
        return len(digits) >= DIGITS and held.sha256.startswith(digits)


def _said(new: Generation) -> dict[str, Any]:
    """What an event says of what would turn."""
    turned = new.turned
    if turned is None:
        return {}
    return {
        "judged": turned.judged,
        "judged_what": turned.what,
        "newly_refused": turned.refused,
        "newly_allowed": turned.allowed,
    }
