"""Verifies a chain of records offline: one pass, bounded memory, no key, no other file.

Theory of operation. Each line is judged by itself (form, hash) and by the line before (prev, seq).
After a broken line the walk goes on from what that line states, so that one edit is one problem
and a second edit further down is still found. An anchor, kept where the log's writer could not
reach it, says that the log once had `seq` lines ending in `hash`; it finds what a chain alone
cannot, a missing tail and a history written anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sidecar.audit.chain import MAX_LINE_BYTES, VERSION, Tip, hash_of, is_sealed, parse
from sidecar.audit.reader import lines, section
from sidecar.errors import ConfigError, Problem
from sidecar.model import JsonObject

MAX_PROBLEMS = 100
"""How many problems, gaps and stray outcomes are kept; a log that has more is no better known."""

_Item = TypeVar("_Item")

_ANCHOR = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Verification:
    """What a log proves about itself.

    Attributes:
        is_valid: The chain is whole, from its first line to its last, and holds the anchor.
        events: Lines read.
        first_bad_line: Counted from 1; None if no line is bad.
        problems: Why it is not valid, in sentences, the first hundred.
        gaps: First and last missing `seq` of each gap.
        open_intents: Ids of intents without an outcome: calls whose end nobody recorded.
        stray_outcomes: Ids of outcomes whose intent is missing or already had its outcome.
        unclean_stops: Ends of runs without a lifecycle `stop`, as later runs noticed them.
        clock_steps_back: How often a line is dated before the line before it.
        has_clean_stop: The log ends with a lifecycle `stop`; False while it is being written.
        head: The last line's `seq:hash`, to be kept as the next anchor.
    """

    is_valid: bool
    events: int
    first_bad_line: int | None
    problems: tuple[str, ...]
    gaps: tuple[tuple[int, int], ...]
    open_intents: tuple[str, ...]
    stray_outcomes: tuple[str, ...]
    unclean_stops: int
    clock_steps_back: int
    has_clean_stop: bool
    head: str


def verify(path: Path, anchor: str | None = None) -> Verification:
    """Verify a whole log, and that it still holds what the anchor `seq:hash` saw.

    An anchor proves the lines up to its own; what was cut off or written anew after it is not
    found. Raises ConfigError if the file cannot be read or the anchor is malformed.
    """
    sought = _anchor(anchor) if anchor is not None else None
    walk = _Walk(anchor=sought, is_anchored=sought == Tip())
    for raw in lines(path):
        walk.step(raw)
    return walk.end()


def _anchor(text: str) -> Tip:
    match = _ANCHOR.fullmatch(text.strip())
    if match is None:
        remedy = "give it as the sidecar printed it: the number, a colon, 64 hexadecimal digits"
        raise ConfigError([Problem("anchor", "it is not `seq:hash`", remedy)])
    return Tip(int(match[1]), match[2])


@dataclass(slots=True)
class _Walk:
    """Where the walk stands and what it has found so far."""

    anchor: Tip | None
    is_anchored: bool
    tip: Tip = field(default_factory=Tip)
    has_place: bool = True  # False after a line that does not say where it stands
    events: int = 0
    is_log: bool = False  # one line at least is a record, or was sealed as one
    first_bad_line: int | None = None
    problems: list[str] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    # A dict as an ordered set: the only part that grows with the log's calls in flight.
    intents: dict[str, None] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    unclean_stops: int = 0
    clock_steps_back: int = 0
    ts: str = ""
    is_stopped: bool = False

    def step(self, raw: bytes) -> None:
        self.events += 1
        self.is_stopped = False
        record = parse(raw) if raw.endswith(b"}\n") else None
        is_whole = is_sealed(raw)
        self.is_log = self.is_log or is_whole or record is not None
        if not is_whole:
            self.bad(_why_unsealed(raw, record))
        elif record is None:
            self.bad("it is sealed, but no record of this log")
        if record is None:
            self.has_place = False
            return
        self.follow(record)
        self.has_place = True
        self.tip = Tip(record["seq"], hash_of(raw))
        self.check_anchor(self.tip)
        self.note(record)

    def follow(self, record: JsonObject) -> None:
        """Check the record's place after the line before it."""
        if record.get("v") != VERSION:
            self.bad("its schema version is not known; verify it with a newer sidecar")
        if not self.has_place:
            return
        seq, due = record["seq"], self.tip.seq + 1
        if seq > due:
            _keep(self.gaps, (due, seq - 1))
            self.bad(f"its number is {seq} where {due} was due: {seq - due} missing")
        elif seq < due:
            self.bad(f"its number is {seq} where {due} was due: repeated or moved")
        elif record["prev"] != self.tip.hash:
            self.bad("it does not follow the line before it: one of them was replaced")

    def check_anchor(self, tip: Tip) -> None:
        if self.anchor is None or tip.seq != self.anchor.seq:
            return
        self.is_anchored = True
        if tip != self.anchor:
            self.bad(f"the anchor knew another record {tip.seq}: the history was rewritten")

    def note(self, record: JsonObject) -> None:
        """Keep account of intents, outcomes, stops and dates."""
        ts, ref = str(record.get("ts")), str(record.get("ref", ""))
        self.clock_steps_back += ts < self.ts
        self.ts = ts
        match record.get("stage"):
            case "intent":
                self.intents[str(record.get("id"))] = None
            case "outcome" if ref and ref not in self.intents:
                _keep(self.strays, str(record.get("id")))
            case "outcome" if ref:
                del self.intents[ref]
            case "lifecycle":
                what = section(record, "data").get("what")
                self.is_stopped = what == "stop"
                self.unclean_stops += what == "recovered"

    def end(self) -> Verification:
        if self.events and not self.is_log:
            # One sentence, where each line would have one of its own.
            self.problems = ["This is not an audit log: no line of it is a record."]
        if self.anchor and not self.is_anchored:
            self.problem(
                f"The log ends at record {self.tip.seq} and does not hold the anchored record "
                f"{self.anchor.seq}: its tail was cut off, or the whole log was replaced."
            )
        return Verification(
            is_valid=not self.problems,
            events=self.events,
            first_bad_line=self.first_bad_line,
            problems=tuple(self.problems),
            gaps=tuple(self.gaps),
            open_intents=tuple(self.intents),
            stray_outcomes=tuple(self.strays),
            unclean_stops=self.unclean_stops,
            clock_steps_back=self.clock_steps_back,
            has_clean_stop=self.is_stopped,
            head=str(self.tip),
        )

    def bad(self, why: str) -> None:
        self.first_bad_line = self.first_bad_line or self.events
        self.problem(f"Line {self.events}: {why}.")

    def problem(self, sentence: str) -> None:
        _keep(self.problems, sentence)


def _keep(found: list[_Item], item: _Item) -> None:
    if len(found) < MAX_PROBLEMS:
        found.append(item)


def _why_unsealed(raw: bytes, record: JsonObject | None) -> str:
    if not raw.endswith(b"\n"):
        return (
            f"it is longer than {MAX_LINE_BYTES} bytes"
            if len(raw) >= MAX_LINE_BYTES
            else "it is half a line; a crash leaves one, and the sidecar moves it away at its start"
        )
    return "it is no record" if record is None else "it was changed after it was written"
