"""A recorded decision judged again by another policy: the verdict, or why there can be none.

What a record withholds is not known. A decision is undecidable if judging it reads a withheld
place: a line of a rule that refers to the place, or to something around it, was run. There are two
ways out, both certain: no such line runs, so that the value cannot matter; or the tool is denied
all the same by the endpoint's sealed scope, or by a rule that reads no withheld place, and then a
denial holds whatever the others say. Lines are the measure, so that a condition which stands on
the same line as one that reads the place counts as reading it: in doubt, undecidable.
"""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.errors import OrganDown
from sidecar.model import JsonObject, Verdict
from sidecar.policy import sealed
from sidecar.policy.bundle import Bundle
from sidecar.policy.comparing import recorded
from sidecar.policy.comparing.explaining import Explainer
from sidecar.policy.decide import Policy
from sidecar.policy.embedded import Embedded

TIMEOUT = 5.0
"""Seconds for one decision of an offline question."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict; or, when it is None, where the policy reads what is withheld (file and line).

    `failed` says that the engine has no value, which refuses.
    """

    verdict: Verdict | None
    reads: tuple[str, ...] = ()
    failed: bool = False


class Judge:
    """Judges recorded decisions by a bundle. Raises ConfigError when it cannot run."""

    def __init__(self, bundle: Bundle) -> None:
        self.policy_sha256 = bundle.sha256
        self._policy = Policy(Embedded(bundle), TIMEOUT)
        self._explainer = Explainer(bundle)

    async def judge(self, document: JsonObject) -> Judged:
        """Judge the call of an input document as it was recorded.

        Raises ValueError if it is none.
        """
        places = recorded.withheld(document)
        facts = recorded.facts(recorded.filled(document) if places else document)
        if len(facts.tools) != 1:
            raise ValueError("it asks about a list")
        tool = facts.tools[0]
        reads = self._explainer.reads(facts.document(), places) if places else ()
        if reads:
            denials = sealed.denials(tool, facts.caller.endpoint, facts.now)
            if not denials and not self._explainer.denies(facts.document(), tool.name, places):
                return Judged(None, reads)
        try:
            return Judged((await self._policy.decide(facts)).of(tool.name))
        except OrganDown:
            return Judged(Verdict(tool.name), failed=True)
