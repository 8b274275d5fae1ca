"""Each human's, agent's or workload's part of the calls. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from sidecar.audit.calls import Names
from sidecar.audit.table import Table
from sidecar.audit.tally import CUSTOMER, FATES, Shape, Spread, Tally

WRITES: Final = frozenset({"write", "destructive"})
"""Effects of tools that can change something."""

_ABOUT: Final = {
    "human": "On whose behalf agents acted, as verified tokens say.",
    "agent": "The verified subject or client of the token, and who issued it.",
    "workload": "The endpoint, and the account that it belongs to.",
}


@dataclass(slots=True)
class _Share:
    calls: int = 0
    refused: int = 0
    writes: int = 0
    customers: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    returned: int = 0
    first: str = ""
    last: str = ""

    def seen(self) -> tuple[int, int, int]:
        return len(self.customers), len(self.others), self.returned

    def add(self, shape: Shape, spread: Spread) -> None:
        self.calls += spread.times
        self.refused += spread.times if shape.status == "refused" else 0
        self.writes += spread.times if shape.is_sent and shape.effect in WRITES else 0
        self.first = min(self.first or spread.first, spread.first)
        self.last = max(self.last, spread.last)


def shares(tally: Tally, kind: str) -> Table:
    """Sum the calls up by `human`, `agent` or `workload`."""

    def name(names: Names) -> str:
        return str(getattr(names, kind))

    found: defaultdict[str, _Share] = defaultdict(_Share)
    for shape, spread in tally.shapes.items():
        found[name(shape.names)].add(shape, spread)
    for what, subject, names, _, _ in tally.accesses:
        share = found[name(names)]
        (share.customers if what == CUSTOMER else share.others).add(subject)
    for (names, _, fate), times in tally.personal.items():
        found[name(names)].returned += times if fate == FATES["kept"] else 0
    seen = ("customers", "other subjects", "values left unmasked")
    columns = (kind, "calls", "refused", "writes", *seen, "first", "last")
    rows = tuple(
        (n, s.calls, s.refused, s.writes, *s.seen(), s.first, s.last)
        for n, s in sorted(found.items())
    )
    return Table(f"By {kind}", columns, rows, about=_ABOUT[kind])
