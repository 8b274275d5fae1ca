"""Sums a log up for a reviewer: who did what to whose data, what was refused, what can be trusted.

Lines that are no records are left to `verify`, whose findings are part of every report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sidecar.audit import aside
from sidecar.audit.chain import parse, timestamp
from sidecar.audit.kin import kin
from sidecar.audit.looks import looks
from sidecar.audit.reader import Told, lines
from sidecar.audit.reports import KEEPING, Answer, answer, tables
from sidecar.audit.table import Table, escaped
from sidecar.audit.tally import KINDS, Row, Tally
from sidecar.audit.verification import Verification

_INSTANCES = 100
"""How many of a log's instances are named."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is to be about.

    Attributes:
        since: From this time on (aware); None for the beginning.
        until: Up to, but not including, this time; None for the end.
        subject: Only calls about this id, those that it was merged with, and what belongs to it.
        by: Whose shares are listed: `human`, `agent` or `workload`; empty for all three.
        is_whole: Whether each hidden tool is named, or they are counted.
        anchor: What was noted elsewhere of the log, as `verify` takes it.
        keys: Public keys whose signatures count; without any the one beside the log.
    """

    since: datetime | None = None
    until: datetime | None = None
    subject: str = ""
    by: str = ""
    is_whole: bool = False
    anchor: str | None = None
    keys: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What happened between two times, and whether the whole log is intact.

    `since` and `until` are UTC timestamps or empty for no limit. `events` were read in between.
    `hours` counts messages by hour and verdict.
    """

    since: str
    until: str
    events: int
    verification: Verification
    tables: tuple[Table, ...]
    subject: str = ""
    answer: Answer = field(default_factory=lambda: Answer((), ()))
    hours: dict[Row, int] = field(default_factory=dict)

    def text(self) -> str:
        """For a terminal."""
        return "\n\n".join([self.heading(), *(each.text() for each in self.every_table())]) + "\n"

    def markdown(self) -> str:
        """For a ticket or a page; no cell becomes markup."""
        parts = [f"# {self._heading(escaped(self.subject))}"]
        return "\n\n".join([*parts, *(each.markdown() for each in self.every_table())]) + "\n"

    def every_table(self) -> tuple[Table, ...]:
        """The answer, what can be trusted, what was counted, and how the log is kept."""
        box = (self.answer.table(), self.integrity(), standing(self.verification))
        return (*box, *self.tables, KEEPING)

    def integrity(self) -> Table:
        """The box that says how far the log can be trusted. It judges the whole log."""
        return integrity(self.verification)

    def heading(self) -> str:
        """What the report is about, in one line."""
        return self._heading(self.subject)

    def _heading(self, subject: str) -> str:
        span = f"from {self.since or 'the beginning'} until {self.until or 'the end'}"
        about = f", about {subject}" if subject else ""
        return f"Audit report, {self.events} events {span}{about}"


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
    about = "What verifying the whole log found, whatever time the report is about."
    return Table("Integrity", ("check", "finding"), tuple(rows), own_words=own_words, about=about)


def standing(found: Verification) -> Table:
    """What signatures and anchors cover, and what was pruned, as a table."""
    rows: list[tuple[str | int, ...]] = [
        ("signed up to record", found.signed_upto or "none"),
        ("signed at", found.signed_at or "never"),
        ("checkpoints that an accepted key signed", found.checkpoints),
        ("anchored up to record", found.anchored_upto or "none"),
    ]
    rows += [("instance", name) for name in found.instances[:_INSTANCES]]
    rows += [("signing key, SHA-256", key) for key in found.keys]
    rows += [("pruned, as a signed tombstone says", f"{a} to {b}") for a, b in found.pruned]
    about = "What vouches for the log beside its own chain."
    columns = ("what", "finding")
    return Table("Trust", columns, tuple(rows), own_words=frozenset({"what"}), about=about)


def report(
    path: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    is_whole: bool = False,
) -> Report:
    """Sum up the events from `since` up to, but not including, `until` (aware times).

    Hidden tools are counted; a whole report names each. A call belongs to the time of its outcome.
    Raises ConfigError if the log cannot be read, ValueError for a time without a zone.
    """
    return review(path, Asked(since, until, is_whole=is_whole))


def review(
    path: Path, asked: Asked, told: Told | None = None, *, is_program: bool = False
) -> Report:
    """Sum up what was asked; `told` learns now and then how many bytes of how many were read.

    A program whose start can be repeated without harm (`is_program`) verifies a long log aside.

    Raises ConfigError if the log cannot be read, ValueError for a time without a zone.
    """
    tally = Tally(
        since=timestamp(asked.since) if asked.since else "",
        until=timestamp(asked.until) if asked.until else "",
        kin=kin(path, asked.subject, told) if asked.subject else None,
    )
    bound = aside.LONG_BYTES if is_program else None
    with aside.verified(path, asked.anchor, asked.keys, bound) as verification:
        for raw in lines(path, told):
            record = parse(raw)
            if record is not None:
                tally.step(record)
        tally.end()
        found = verification()
    return Report(
        since=tally.since,
        until=tally.until,
        events=tally.events,
        verification=found,
        tables=(
            *tables(tally, is_whole=asked.is_whole, by=(asked.by,) if asked.by else KINDS),
            looks(path, asked.subject),
        ),
        subject=asked.subject,
        answer=answer(tally, found),
        hours=dict(tally.hours),
    )
