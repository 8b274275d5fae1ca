"""One pass over one chain: each line against itself, against the line before, and its witnesses.

After a broken line the walk goes on from what that line states, so that one edit is one problem
and a second edit further down is still found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeVar

from sidecar.audit import notes
from sidecar.audit.chain import MAX_LINE_BYTES, VERSION, Tip, hash_of, is_sealed, parse
from sidecar.audit.reader import section
from sidecar.audit.witnesses import UNSIGNED, Signed, Witnesses
from sidecar.model import JsonObject

MAX_PROBLEMS: Final = 100
"""How many problems, gaps and stray outcomes are kept; a log that has more is no better known."""

_Item = TypeVar("_Item")


@dataclass(slots=True)
class Walk:
    """Where the walk stands and what it has found so far; `end` completes it."""

    witnesses: Witnesses
    file: str = ""  # of the lines to come, where there is more than one
    number: int = 0  # of the line in its file
    tip: Tip = field(default_factory=Tip)
    begin: Tip = field(default_factory=Tip)  # what the first line says was before it
    has_place: bool = True  # False after a line that does not say where it stands
    events: int = 0
    is_log: bool = False  # one line at least is a record, or was sealed as one
    first_bad_line: int | None = None
    due: int = 1  # the number of the line at hand, if all before it is whole
    bad_from: int = 0  # the first record that does not fit; 0 if every line does
    is_placed: bool = True  # False if what is wrong has no line
    signed: Signed = field(default_factory=Signed)  # what was signed before that
    problems: list[str] = field(default_factory=list)
    strange: list[tuple[str, int]] = field(default_factory=list)  # first, last unsigned note
    unsigned: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    # A dict as an ordered set: the only part that grows with the log's calls in flight.
    intents: dict[str, None] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)  # each with its origin
    instance: str = ""
    unclean_stops: int = 0
    clock_steps_back: int = 0
    ts: str = ""
    is_stopped: bool = False

    def enter(self, file: str) -> None:
        """Go on to the lines of another file."""
        self.file, self.number = file, 0

    def step(self, raw: bytes, number: int = 0) -> None:
        """Judge the next line; `number` tells it from others if it is not the next of its file."""
        self.events += 1
        self.due = self.tip.seq + 1
        self.number = number or self.number + 1
        record = parse(raw) if raw.endswith(b"}\n") else None
        if self.events == 1 and record is not None:
            self.due = max(record["seq"], 1)
        is_whole = is_sealed(raw)
        self.is_log = self.is_log or is_whole or record is not None
        if not is_whole:
            self.bad(_why_unsealed(raw, record))
        elif record is None:
            self.bad("it is sealed, but no record of this log")
        if record is None:
            self.has_place = self.is_stopped = False
            return
        self._follow(record)
        self.has_place = True
        self.tip = Tip(record["seq"], hash_of(raw))
        self._note(record)
        if self.tip.seq in self.witnesses.awaited:
            self._blame(self.witnesses.meet(self.tip, self.instances[self.instance]))

    def _follow(self, record: JsonObject) -> None:
        """Check the record's place after the line before it."""
        if record.get("v") != VERSION:
            self.bad("its schema version is not known; verify it with a newer sidecar")
        seq, due = record["seq"], self.tip.seq + 1
        if self.events == 1:
            # Judged at the end: a tombstone further down may account for what is missing.
            self.begin = Tip(seq - 1, record["prev"])
        elif not self.has_place:
            return
        elif seq > due:
            _keep(self.gaps, (due, seq - 1))
            self.bad(f"its number is {seq} where {due} was due: {seq - due} missing")
        elif seq < due:
            self.bad(f"its number is {seq} where {due} was due: repeated or moved")
        elif record["prev"] != self.tip.hash:
            self.bad("it does not follow the line before it: one of them was replaced")

    def _note(self, record: JsonObject) -> None:
        """Keep account of intents, outcomes, stops, dates and who writes."""
        ts, ref = str(record.get("ts")), str(record.get("ref", ""))
        self.clock_steps_back += ts < self.ts
        self.ts = ts
        instance = str(record.get("instance"))
        if instance != self.instance:
            self.instance = instance
            self.instances[instance] = notes.origin(instance)
        stage = record.get("stage")
        if stage == "lifecycle":
            self._lifecycle(record, section(record, "data"))
            return
        self.is_stopped = False
        if stage == "intent":
            self.intents[str(record.get("id"))] = None
        elif stage == "outcome" and ref:
            if ref in self.intents:
                del self.intents[ref]
            else:
                _keep(self.strays, str(record.get("id")))

    def _lifecycle(self, record: JsonObject, data: JsonObject) -> None:
        what = data.get("what")
        # The checkpoint of a stop stands after it and takes nothing from it.
        self.is_stopped = what == "stop" or (self.is_stopped and what == "checkpoint")
        self.unclean_stops += what == "recovered"
        if what == "checkpoint":
            self._blame(self.witnesses.checkpoint(record, data, self.instances[self.instance]))
        elif what == "pruned":
            self.witnesses.tombstone(data, self.tip.seq)

    def end(self) -> None:
        """Judge what only the whole log can tell: its begin, its end, and who vouches for it."""
        if self.events and not self.is_log:
            # One sentence, where each line would have one of its own.
            self.problems = ["This is not an audit log: no line of it is a record."]
            self.is_placed = False
            return
        self._gather()
        if why := self.witnesses.begin(self.begin):
            if self.begin.seq > 0:
                self.gaps.insert(0, (1, self.begin.seq))
            self.first_bad_line = 1
            self.bad_from, self.signed = max(self.begin.seq + 1, 1), Signed()
            self.problems.insert(0, f"The first line: {why}.")
        origins = set(self.instances.values())
        told = self.witnesses.end(self.begin, self.tip, origins)
        self.is_placed = not told
        for sentence in told:
            _keep(self.problems, sentence)

    def bad(self, why: str) -> None:
        """Note what is wrong with the line at hand."""
        if not self.first_bad_line:
            # A signature further down vouches for nothing before the break: the broken line may
            # follow other lines than those that were signed.
            self.first_bad_line, self.bad_from = self.events, self.due
            self.signed = self.witnesses.signed
        _keep(self.problems, f"{_place(self.file, self.number)}: {why}.")

    def _blame(self, why: str) -> None:
        if why == UNSIGNED:
            self.unsigned += 1
            self.strange = [*self.strange[:1], (self.file, self.number)]
        if why and (why != UNSIGNED or self.unsigned == 1):
            self.bad(why)

    def _gather(self) -> None:
        """Tell of many checkpoints by one unknown key at once: mostly the wrong key was given."""
        if self.unsigned < 2:  # noqa: PLR2004 - one is told as it was met
            return
        (file, first), (other, last) = self.strange
        told = f"{_place(file, first)}: {UNSIGNED}."
        span = f"lines {first} to {last}"
        if file:
            span = f"{file} {span}" if file == other else f"{file} line {first} to {other} {last}"
        if told in self.problems:
            self.problems[self.problems.index(told)] = (
                f"{self.unsigned} checkpoints ({span}) are not signed by an accepted "
                "key: they were forged, or --key may be the wrong one."
            )


def _place(file: str, number: int) -> str:
    return f"{file} line {number}" if file else f"Line {number}"


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
