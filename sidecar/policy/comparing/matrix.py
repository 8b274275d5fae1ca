"""Callers by tools: what policy says of every pair, before anybody sends arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sidecar.model import Caller, Tool, Verdict
from sidecar.policy.decide import Policy
from sidecar.policy.facts import Facts

PROTOCOL = "2025-11-25"
"""The revision that made-up questions claim."""


@dataclass(frozen=True, slots=True)
class Asker:
    """A caller with the name that a table gives him."""

    name: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Grid:
    """The verdicts of lists: by an asker's name, then by a tool's."""

    askers: tuple[Asker, ...]
    tools: tuple[Tool, ...]
    verdicts: Mapping[str, Mapping[str, Verdict]]
    policy_sha256: str

    def of(self, asker: str, tool: str) -> Verdict:
        """One cell; a tool that was not answered has no grant."""
        return self.verdicts[asker].get(tool) or Verdict(tool)


async def grid(
    policy: Policy, askers: Sequence[Asker], tools: Sequence[Tool], now: datetime
) -> Grid:
    """Let every asker list the tools.

    Raises OrganDown when the policy gives no answer.
    """
    verdicts = {}
    digest = ""
    for asker in askers:
        facts = Facts(tools, asker.caller, "tools/list", PROTOCOL, now)
        decision = await policy.decide(facts)
        verdicts[asker.name], digest = decision.verdicts, decision.policy_sha256
    return Grid(tuple(askers), tuple(tools), verdicts, digest)
