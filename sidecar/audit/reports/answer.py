"""The reviewer's question answered in sentences: who saw whose data, and could the log be changed.

Nothing is said that the log does not show: without a subject no name is given, without a signature
or an anchor nobody is said to have been unable to write the log anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.audit.calls import NOBODY, STRANGER
from sidecar.audit.kin import Kin
from sidecar.audit.table import Table
from sidecar.audit.tally import ACCESS, CUSTOMER, NOBODYS, Tally, is_nobodys
from sidecar.audit.verification import Verification

_MOST = 10
"""Humans and agents that the answer names; the tables have all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Sentences on who saw the data, and on whether the log can be trusted and until when.

    `state` is what the first sentence on trust says: `holds`, `open` (somebody could have changed
    it unseen) or `broken`.
    """

    seen: tuple[str, ...]
    trust: tuple[str, ...]
    state: str = "open"

    def table(self) -> Table:
        """The sentences beside the question that each of them answers."""
        rows = [("who saw whose data", sentence) for sentence in self.seen]
        rows += [("could anyone have changed this log", sentence) for sentence in self.trust]
        columns = ("question", "answer")
        return Table("In short", columns, tuple(rows), own_words=frozenset(columns))


def answer(tally: Tally, found: Verification) -> Answer:
    """Put the counts and the verification into words."""
    seen = _of_subject(tally, tally.kin, found) if tally.kin else _of_all(tally)
    return Answer((*seen, *_unknown_time(tally, found)), tuple(_trust(found)), found.state)


def _of_subject(tally: Tally, kin: Kin, found: Verification) -> Iterator[str]:
    accesses = sum(1 for row in tally.listed if row[5] == ACCESS)
    refused = len(tally.listed) - accesses
    subject = kin.subject
    if not accesses:
        yield from _no_access(tally, kin, found)
    else:
        times = "once" if accesses == 1 else f"{accesses} times"
        yield (
            f"Data of {subject} was accessed {times}: on behalf of {_named(tally, 1)}; "
            f"by the agents {_named(tally, 2)}."
        )
    if refused:
        yield f"Refused attempts, in which nothing was seen: {refused}."
    if len(kin.same) > 1:
        others = ", ".join(sorted(kin.same - {subject}))
        yield f"It was merged with {others}; calls about these are counted as well."
    if kin.theirs:
        yield (
            f"Of its conversations, items, tasks and search words the log knows "
            f"{len(kin.theirs)}; calls about these are counted as well."
        )
    if crowd := sum(tally.crowded.values()):
        yield (
            f"Calls about more subjects than their events list, among which this one may have "
            f"been: {crowd}, see the table of these."
        )


def _no_access(tally: Tally, kin: Kin, found: Verification) -> Iterator[str]:
    """Say no more than the log can know: of another time, or an odd spelling, it knows nothing."""
    if not kin.is_known:
        yield (
            f"The id {kin.subject} stands nowhere in this log: check its spelling; ids are those "
            "of Gladly, capitals count."
        )
    elif tally.last < tally.since or (tally.until and tally.until <= tally.first):
        yield f"Whether anybody saw data of {kin.subject} then, this log cannot tell."
    elif not found.is_valid or tally.crowded:
        yield f"No call of this log that names {kin.subject} saw or changed its data."
    else:
        then = " in the time covered" if any(_unknown_time(tally, found)) else ""
        yield (
            f"Nobody saw or changed data of {kin.subject}{then}: no call about it reached the "
            "backend."
        )


def _unknown_time(tally: Tally, found: Verification) -> Iterator[str]:
    """Say it if the log does not cover all the time that was asked for."""
    is_earlier = tally.since < tally.first if tally.since else bool(found.pruned)
    if tally.first and (is_earlier or tally.until > tally.last):
        yield (
            f"This log covers {tally.first} to {tally.last}; nothing is known of the rest of the "
            "time asked for."
        )


def _named(tally: Tally, column: int) -> str:
    """The humans or agents of the listed accesses, the most frequent first."""
    counts: dict[str, int] = {}
    for row in tally.listed:
        if row[5] == ACCESS:
            counts[row[column]] = counts.get(row[column], 0) + 1
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    rest = f" and {len(ordered) - _MOST} more" if len(ordered) > _MOST else ""
    return ", ".join(f"{name} ({counts[name]})" for name in ordered[:_MOST]) + rest


def _of_all(tally: Tally) -> Iterator[str]:
    humans = {shape.names.human for shape in tally.shapes} - {NOBODY}
    subjects = {row[:2] for row in tally.accesses}
    customers = sum(1 for kind, _ in subjects if kind == CUSTOMER)
    calls = sum(spread.times for spread in tally.shapes.values())
    yield (
        f"Messages: {calls}; agents: {_agents(tally)}; verified humans behind them: "
        f"{len(humans) or 'none'}; customers whose data was read or written: {customers} (and "
        f"{len(subjects) - customers} of their conversations, items, tasks and search words)."
    )
    yield (
        "Who saw the data of one of them: write its id into the filter of “Accesses by subject”, "
        "or run `sidecar audit report LOG --subject ID`, which follows merges and conversations."
    )
    nobodys = (s.times for shape, s in tally.shapes.items() if is_nobodys(shape))
    if nobody := sum(nobodys):
        yield f"Calls that cannot be attributed to a human: {nobody}, see “{NOBODYS}”."


def _agents(tally: Tally) -> str:
    """How many verified agents there are, and what got through without a token."""
    agents = {shape.names.agent for shape in tally.shapes} - {STRANGER}
    strange = {
        shape: spread.times
        for shape, spread in tally.shapes.items()
        if shape.names.agent == STRANGER and shape.is_sent and shape.is_tool
    }
    count = str(len(agents) or "none verified")
    if not strange:
        return count
    at = sorted({shape.names.workload for shape in strange})
    rest = f" and {len(at) - _MOST} more" if len(at) > _MOST else ""
    times = sum(strange.values())
    calls = "1 call" if times == 1 else f"{times} calls"
    endpoints = "endpoint" if len(at) == 1 else "endpoints"
    return f"{count} ({calls} without a token, at {endpoints} {', '.join(at[:_MOST])}{rest})"


def _trust(found: Verification) -> Iterator[str]:
    verdict, (first, *rest) = _verdict(found), found.trust
    yield from (first, verdict) if found.is_valid else (verdict, first)
    yield from rest
    if count := len(found.open_intents):
        calls = "One call has" if count == 1 else f"{count} calls have"
        yield f"{calls} no recorded end, and may have been executed: counted as “unknown end”."


def _verdict(found: Verification) -> str:
    if found.is_valid:
        return "No change was found in this log."
    first = found.first_bad_line
    upto = f" Line {first} is the first that does not fit." if first else ""
    return f"THE LOG DOES NOT HOLD: it was changed, cut or damaged.{upto} See “Integrity”."
