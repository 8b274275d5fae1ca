"""Two policies over the catalog: every tool and example, by callers that stand for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sidecar import redaction
from sidecar.catalog import Catalog, Row
from sidecar.model import Finding
from sidecar.policy import Bundle, Embedded, Facts, Policy
from sidecar.policy.comparing.difference import Change, Turn, change
from sidecar.policy.comparing.matrix import PROTOCOL, Asker, Grid, grid
from sidecar.policy.comparing.replaying import TIMEOUT
from sidecar.review.words import wrapped
from sidecar.shown import listed, shown

WORDS: Final[dict[Turn, str]] = {
    "refused": "newly refused",
    "allowed": "newly allowed",
    "masked": "masked differently",
}
"""How each turn is called, in the order in which they are told."""

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Turned:
    """One tool that turned for one caller; `asked` is empty for the tool, or names an example."""

    tool: str
    asker: str
    asked: str
    change: Change


@dataclass(frozen=True, slots=True)
class Differences:
    """All that turned, and how much was asked: pairs of caller and tool, and calls of examples."""

    turned: tuple[Turned, ...]
    pairs: int
    calls: int

    def text(self, most: int = 20) -> str:
        """What turned, by kind and reason; of each at most so many tools are named."""
        lines = [f"{self.pairs} pairs of caller and tool and {self.calls} calls were compared"]
        if not self.turned:
            return "\n".join([*lines, "same: nothing would turn"])
        for turn, words in WORDS.items():
            found = [one for one in self.turned if one.change.turn == turn]
            if found:
                lines += ["", f"{words}: {len({one.tool for one in found})} tool(s)"]
                lines += _grouped(found, most)
        return "\n".join(lines)


async def differences(
    old: Bundle,
    new: Bundle,
    catalog: Catalog,
    askers: Sequence[Asker],
    now: datetime,
    told: Told | None = None,
) -> Differences:
    """Ask both policies everything.

    Raises OrganDown when one of them has no answer.
    """
    tools = [row.tool for row in catalog.rows]
    policies = [Policy(Embedded(bundle), TIMEOUT) for bundle in (old, new)]
    before, after = [await grid(policy, askers, tools, now) for policy in policies]
    turned, calls = list(_lists(before, after)), 0
    findings = _scanned(catalog)
    for number, asker in enumerate(askers):
        if told:
            told(number, len(askers))
        for row in catalog.rows:
            name = row.tool.name
            # Who may not even see a tool calls it in vain; what turned for all calls is told.
            if not (
                before.of(asker.name, name).is_allowed and after.of(asker.name, name).is_allowed
            ):
                continue
            for index, example in enumerate(row.examples):
                found = findings[name][index]
                facts = Facts(
                    (row.tool,), asker.caller, "tools/call", PROTOCOL, now, example.arguments, found
                )
                said = [(await policy.decide(facts)).of(name) for policy in policies]
                calls += 1
                what = change(said[0], said[1])
                if what and what.turn != "masked":
                    turned.append(Turned(name, asker.name, f"example {index + 1}", what))
    return Differences(tuple(turned), len(askers) * len(tools), calls)


def _scanned(catalog: Catalog) -> dict[str, list[tuple[Finding, ...]]]:
    return {row.tool.name: _findings(row) for row in catalog.rows}


def _findings(row: Row) -> list[tuple[Finding, ...]]:
    return [redaction.scan(example.arguments) for example in row.examples]


def _lists(before: Grid, after: Grid) -> Iterator[Turned]:
    for asker in before.askers:
        for tool in before.tools:
            what = change(before.of(asker.name, tool.name), after.of(asker.name, tool.name))
            if what:
                yield Turned(tool.name, asker.name, "", what)


def _grouped(found: Sequence[Turned], most: int) -> Iterator[str]:
    """By reason and callers, so that what holds for many is said once."""
    askers: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for one in found:
        told = f"{shown(one.tool)} ({one.asked})" if one.asked else shown(one.tool)
        askers.setdefault((one.change.why, told), []).append(one.asker)
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (why, told), who in askers.items():
        groups.setdefault((why, tuple(who)), []).append(told)
    for (why, callers), tools in sorted(groups.items()):
        yield f"  {', '.join(map(shown, why))}"
        yield from wrapped(f"for {listed(callers, most, '; ')}", 4)
        yield from wrapped(f"{len(tools)}: {listed(sorted(tools), most, ', ')}", 4)
