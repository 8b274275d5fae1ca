"""A folder on trial taken up while serving, as the one that decides is, but without effect.

What lies there now is judged beside what decides, from the next message on. What cannot be used
changes nothing: the last good one stays on trial, and everybody who asks is told. Nothing guards
it, for it refuses nobody; what the guard holds back is on trial before it.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from sidecar.errors import ConfigError, Problem
from sidecar.policy.bundle import Bundle
from sidecar.policy.decide import Policy
from sidecar.policy.engine import Engine
from sidecar.policy.renewal.generation import DIGITS
from sidecar.policy.renewal.renewing import Record, Source, begun, looking

_log = structlog.get_logger("sidecar.policy")


class Candidate:
    """Takes up what a source offers. Used on the event loop's thread, where the engines live.

    Args:
        policy: What decides, and has `engine` beside it.
        engine: What was on trial at the start.
        check: What else a policy must pass: raises ConfigError. Also the place to warn.
    """

    def __init__(
        self,
        policy: Policy,
        engine: Engine,
        source: Source,
        record: Record,
        *,
        check: Callable[[Bundle], None] = lambda _: None,
    ) -> None:
        self._policy = policy
        self._engine = engine
        self._source = source
        self._record = record
        self._check = check
        self._news: Bundle | None = None
        self._problems: tuple[Problem, ...] = ()

    @property
    def engine(self) -> Engine:
        """What is on trial now, unless a policy that is held back takes its place."""
        return self._engine

    def told(self) -> str:
        """What keeps the newest candidate from its trial, in words; empty while nothing does.

        Names no rule and no tool, since an agent may read it.
        """
        count = len(self._problems)
        if not count:
            return ""
        what = f"{count} problem{'s' if count > 1 else ''}, which the log names"
        stays = f"{self._engine.policy_sha256[:DIGITS]} stays on trial"
        return f"policy on trial: the newest is not usable: {what}; {stays}"

    async def run(self, period: float) -> None:
        """Look every so many seconds until cancelled."""
        await looking(self.look, self._stumbled, period)

    def _stumbled(self, problem: Problem) -> None:
        self._news, self._problems = None, (problem,)

    async def look(self) -> None:
        """Take up what has changed.

        Raises:
            OrganDown: it cannot be recorded, so it is not on trial either; the next look tries
                again.
        """
        try:
            self._news = await self._source.changed() or self._news
            if self._news is not None:
                await self._take(self._news)
        except ConfigError as error:
            self._problems = error.problems
            _log.error(
                "the newest policy on trial cannot be used; the last good one stays",
                policy_sha256=self._engine.policy_sha256,
                problems=[str(problem) for problem in error.problems],
            )
        self._news = None

    async def _take(self, bundle: Bundle) -> None:
        before = self._engine
        if bundle.sha256 != before.policy_sha256:
            self._check(bundle)
            engine = await begun(bundle)
            new, old = bundle.sha256, before.policy_sha256
            said = {"candidate_sha256": new, "candidate_sha256_before": old}
            await self._record("candidate_changed", said)
            self._engine = engine
            # A policy that is held back stays there until it goes, and this one comes after it.
            if self._policy.candidate is before:
                self._policy.adopt(self._policy.engine, engine)
            _log.info("another policy is on trial", policy_sha256=new, before=old)
        self._problems = ()
