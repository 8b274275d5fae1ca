"""Sums a log up for a reviewer: who did what to whose data, what was refused, what can be trusted.

Each call is counted once, at its outcome. An outcome's missing sections are those of its intent,
which is kept in memory until the outcome arrives; so memory grows with calls in flight and with
distinct rows, not with the file. Lines that are no records are left to `verify`, whose findings
are part of every report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sidecar.audit.chain import parse, timestamp
from sidecar.audit.reader import lines, section
from sidecar.audit.table import Table
from sidecar.audit.verification import Verification, verify
from sidecar.model import JsonObject

_SECTIONS = ("actor", "src", "mcp", "decision", "data", "outcome")
_MAX_WORD = 200

_Row = tuple[str, ...]


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
        """For a ticket or a page; every cell is escaped."""
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
    return Table("Integrity", ("check", "finding"), tuple(rows))


def report(path: Path, *, since: datetime | None = None, until: datetime | None = None) -> Report:
    """Sum up the events from `since` up to, but not including, `until` (aware times).

    A call belongs to the time of its outcome. Raises ConfigError if the file cannot be read,
    ValueError for a time without a zone.
    """
    tally = _Tally(
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
        tables=tally.tables(),
    )


@dataclass(slots=True)
class _Tally:
    """Counters whose keys are the rows of the tables."""

    since: str
    until: str
    events: int = 0
    intents: dict[str, JsonObject] = field(default_factory=dict)
    calls: Counter[_Row] = field(default_factory=Counter)
    denials: Counter[_Row] = field(default_factory=Counter)
    hidden: Counter[_Row] = field(default_factory=Counter)
    personal: Counter[_Row] = field(default_factory=Counter)
    writes: Counter[_Row] = field(default_factory=Counter)
    subjects: Counter[_Row] = field(default_factory=Counter)
    logins: Counter[_Row] = field(default_factory=Counter)
    limits: Counter[_Row] = field(default_factory=Counter)
    policies: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    incidents: Counter[_Row] = field(default_factory=Counter)

    def step(self, record: JsonObject) -> None:
        is_inside = self.has(record)
        self.events += is_inside
        match record.get("stage"):
            case "intent":
                self.intents[_word(record, "id")] = record
            case "outcome":
                intent = self.intents.pop(_word(record, "ref"), {})
                if is_inside:
                    self.count(_joined(intent, record))
            case _ if is_inside:
                what = _word(section(record, "data"), "what")
                self.incidents[_word(record, "stage"), what] += 1

    def has(self, record: JsonObject) -> bool:
        ts = _word(record, "ts")
        return self.since <= ts and (not self.until or ts < self.until)

    def end(self) -> None:
        """Count the calls whose outcome nobody recorded; they may have been executed."""
        for intent in self.intents.values():
            if self.has(intent):
                self.count({**intent, "outcome": {"status": "no outcome"}})

    def count(self, call: JsonObject) -> None:
        mcp, decision, outcome = (section(call, name) for name in ("mcp", "decision", "outcome"))
        who, tool = _actor(section(call, "actor")), _word(mcp, "tool") or _word(mcp, "method")
        status = _word(outcome, "status")
        times = max(_number(outcome.get("count")), 1)
        self.calls[who, tool, status] += times
        self.count_refusals(call, who, tool, times)
        self.count_data(section(call, "data"), who, tool)
        effect = _word(mcp, "effect")
        if effect in {"write", "destructive"} and status != "refused":
            self.writes[who, tool, effect, status] += times
        if status == "rate_limited":
            self.limits[who, tool] += times
        self.note_policy(_word(decision, "policy_sha256"), _word(call, "ts"))

    def count_refusals(self, call: JsonObject, who: str, tool: str, times: int) -> None:
        decision, actor = section(call, "decision"), section(call, "actor")
        for name in _items(decision.get("hidden_tools")):
            self.hidden[who, _text(name)] += 1
        if _word(actor, "auth_error"):
            origin = _word(section(call, "src"), "ip")
            self.logins[_word(actor, "endpoint"), origin, _word(actor, "auth_error")] += times
        if _word(decision, "result") not in {"deny", "error"}:
            return
        told = [denial for denial in _items(decision.get("denials")) if isinstance(denial, dict)]
        for denial in told or [{"code": decision.get("reason"), "message": ""}]:
            self.denials[who, tool, _word(denial, "code"), _word(denial, "message")] += times

    def count_data(self, data: JsonObject, who: str, tool: str) -> None:
        fates = {
            "findings_in": "sent in arguments",
            "found": "found in results",
            "masked": "masked",
            "kept": "returned",
        }
        for name, fate in fates.items():
            for entity, times in section(data, name).items():
                self.personal[who, _text(entity), fate] += _number(times)
        about = [subject for subject in _items(data.get("subjects")) if isinstance(subject, dict)]
        for kind, subject in {(_word(each, "kind"), _word(each, "id")) for each in about}:
            self.subjects[kind, subject, who, tool] += 1

    def note_policy(self, digest: str, ts: str) -> None:
        if digest:
            first, last, times = self.policies.get(digest, (ts, ts, 0))
            self.policies[digest] = (min(first, ts), max(last, ts), times + 1)

    def tables(self) -> tuple[Table, ...]:
        spans = sorted(self.policies.items(), key=lambda item: item[1])
        digests: list[tuple[str | int, ...]] = []
        digests += [(first, last, key, times) for key, (first, last, times) in spans]
        return (
            _table("Calls", ("actor", "tool", "status"), self.calls),
            _table("Denials", ("actor", "tool", "rule", "reason"), self.denials),
            _table("Hidden tools", ("actor", "tool"), self.hidden),
            _table("Personal data", ("actor", "entity", "fate"), self.personal),
            _table("Writes executed", ("actor", "tool", "effect", "status"), self.writes),
            _table("Accesses by subject", ("kind", "subject", "actor", "tool"), self.subjects),
            _table("Authentication failures", ("endpoint", "from", "error"), self.logins),
            _table("Rate limits passed on (429)", ("actor", "tool"), self.limits),
            Table("Policies seen", ("first", "last", "sha256", "times"), tuple(digests)),
            _table("Lifecycle and administration", ("stage", "what"), self.incidents),
        )


def _table(title: str, columns: _Row, counted: Counter[_Row]) -> Table:
    counts = sorted(counted.items())
    rows: list[tuple[str | int, ...]] = [(*row, times) for row, times in counts if times]
    return Table(title, (*columns, "times"), tuple(rows))


def _joined(intent: JsonObject, outcome: JsonObject) -> JsonObject:
    """Complete an outcome with what only its intent said; member by member."""
    both = {name: {**section(intent, name), **section(outcome, name)} for name in _SECTIONS}
    about = [_items(section(each, "data").get("subjects")) for each in (intent, outcome)]
    both["data"]["subjects"] = [*about[0], *about[1]]
    return {**outcome, **both}


def _actor(actor: JsonObject) -> str:
    """Name who acted in one cell; only a verified token's words count as a name."""
    endpoint = _word(actor, "endpoint") or "no endpoint"
    if actor.get("is_authenticated") is not True:
        return f"unauthenticated at {endpoint}"
    name = _word(actor, "subject") or _word(actor, "client") or "unnamed"
    issuer, behalf = _word(actor, "issuer"), _word(actor, "on_behalf_of")
    issued = f" ({issuer})" if issuer else ""
    return f"{name}{issued} at {endpoint}" + (f" for {behalf}" if behalf else "")


def _word(holder: JsonObject, name: str) -> str:
    return _text(holder.get(name, ""))


def _text(value: Any) -> str:
    return str(value)[:_MAX_WORD] if isinstance(value, str | int) else ""


def _number(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
