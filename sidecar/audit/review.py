"""Sums a log up for a reviewer: who did what to whose data, what was refused, what can be trusted.

Lines that are no records are left to `verify`, whose findings are part of every report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sidecar.audit.chain import parse, timestamp
from sidecar.audit.reader import lines
from sidecar.audit.table import Table
from sidecar.audit.tally import Tally
from sidecar.audit.verification import Verification, verify


@dataclass(frozen=True, slots=True)
class Report:
    """What happened between two times, and whether the whole log is intact.

    `since` and `until` are UTC timestamps or empty for no limit. `events` were read in between.
    """

    since: str
    until: str
    events: int
    verification: Verification
    tables: tuple[Table, ...]

    def text(self) -> str:
        """For a terminal."""
        parts = [self._heading(), self.integrity().text(), *(table.text() for table in self.tables)]
        return "\n\n".join(parts) + "\n"

    def markdown(self) -> str:
        """For a ticket or a page; no cell becomes markup."""
        parts = [f"# {self._heading()}", self.integrity().markdown()]
        return "\n\n".join([*parts, *(table.markdown() for table in self.tables)]) + "\n"

    def integrity(self) -> Table:
        """The box that says how far the log can be trusted. It judges the whole file."""
        return integrity(self.verification)

    def _heading(self) -> str:
        span = f"from {self.since or 'the beginning'} until {self.until or 'the end'}"
        return f"Audit report, {self.events} events {span}"


def integrity(found: Verification) -> Table:
    """What a verification found, as a table."""
    rows: list[tuple[str | int, ...]] = [
        ("verified", "yes" if found.is_valid else "NO"),
        ("lines", found.events),
        ("first bad line", found.first_bad_line or "none"),
        ("gaps in the numbering", len(found.gaps)),
        ("intents without outcome", len(found.open_intents)),
        ("outcomes without intent", len(found.stray_outcomes)),
        ("unclean stops", found.unclean_stops),
        ("clock stepped back", found.clock_steps_back),
        ("ends with a clean stop", "yes" if found.has_clean_stop else "no, or still running"),
        ("head, to be kept as anchor", found.head),
    ]
    rows += [("problem", sentence) for sentence in found.problems]
    rows += [("intent without outcome", event) for event in found.open_intents]
    own_words = frozenset({"check"})
    return Table("Integrity", ("check", "finding"), tuple(rows), own_words=own_words)


def report(
    path: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    is_whole: bool = False,
) -> Report:
    """Sum up the events from `since` up to, but not including, `until` (aware times).

    Hidden tools are counted; a whole report names each. A call belongs to the time of its outcome.
    Raises ConfigError if the file cannot be read, ValueError for a time without a zone.
    """
    tally = Tally(
        since=timestamp(since) if since else "",
        until=timestamp(until) if until else "",
    )
    for raw in lines(path):
        record = parse(raw)
        if record is not None:
            tally.step(record)
    tally.end()
    return Report(
        since=tally.since,
        until=tally.until,
        events=tally.events,
        verification=verify(path),
        tables=tally.tables(is_whole=is_whole),
    )
