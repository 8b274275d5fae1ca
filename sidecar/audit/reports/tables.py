"""The tables of a report, in the order in which a reviewer asks. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sidecar.audit.calls import Names
from sidecar.audit.reports.changes import changes
from sidecar.audit.reports.shares import WRITES, shares
from sidecar.audit.table import Table
from sidecar.audit.tally import KINDS, MOST_LISTED, NOBODYS, Row, Shape, Tally, is_nobodys

_PLACES: Final = "Each place counts; a result may carry the same value as text and as data."
_UNCOUNTED: Final = "Text without a recognised value was passed on and is not counted."
_BEHALF: Final = (
    "To have one named, let the identity provider issue tokens that say on whose behalf the agent "
    "acts: in `act` (RFC 8693), or in the claim of `bearer.issuers[].on_behalf_of_claim`."
)
_OFTEN: Final = "times left out of a list"
_NAMED: Final = "`sidecar audit report --all` names them."
_STATES: Final = {
    "scanned": "scanned, nothing had to be masked",
    "masked": "scanned, and personal data in them masked",
    "unscannable": "could not be scanned, and were blocked",
    "blocked": "blocked: the last check found what should have been masked, or a failure",
}
_ABOUT: Final = {
    "Calls": "Every message by who sent it and how it ended.",
    "Denials": "What a rule refused: which one, why, and what the caller was told to do instead.",
    "Failures": "What the sidecar or the backend could not do; nobody was refused by a rule.",
    "Judged in shadow": "How often a policy in shadow judged, too, and what it would have changed.",
    "Would be refused": "What a policy in shadow would have refused whom, and by which rule. It "
    "had no effect. A list counts when it would hide a tool.",
    "Hidden tools": "Tools that a list did not show, because access rules refuse them.",
    "Personal data": "Whose agent met which category of personal data, and what became of it.",
    "Writes forwarded": "Calls that may have changed something in Gladly.",
    "Accesses by subject": "Whose data was read or written by whom. Filter by a customer's id.",
    "Refused attempts by subject": "Whose data was asked for, and nothing was read or written.",
    NOBODYS: "Calls that no token connects with a human.",
    "Exports of data": "Calls of tools that make or hand out exports of many records.",
    "Authentication failures": "Who was turned away because nobody could tell who they were.",
    "Refused at the edge": "Messages that were refused for their form, before anybody was asked.",
    "Rate limits passed on (429)": "Who met the backend's rate limit.",
    "Redaction of results": "The proof that masking runs: what became of each result of a tool.",
    "Policies seen": "Which policies decided, by digest.",
    "Lifecycle and administration": "What happened to the sidecar, and what operators did.",
}


def tables(tally: Tally, *, is_whole: bool = False, by: tuple[str, ...] = KINDS) -> list[Table]:
    """The tables of what was counted; hidden tools are named in a whole.

    `by` says whose shares are listed: of humans, agents, workloads.
    """
    subject = ("kind", "subject", "actor", "tool", "status")
    called = ("actor", "tool", "status")
    return [
        *_listed(tally),
        *(shares(tally, kind) for kind in by),
        _table("Calls", called, _summed(tally, lambda _: True)),
        _denials(tally),
        *_shadow(tally),
        _table("Failures", (*called, "reason"), tally.failures),
        _every_hidden(tally) if is_whole else _hidden(tally),
        _table("Personal data", ("actor", "entity", "fate"), _personal(tally), _PLACES),
        _results(tally),
        _table("Writes forwarded", ("actor", "tool", "effect", "status"), _writes(tally)),
        _table("Accesses by subject", subject, _by_subject(tally.accesses)),
        _table("Refused attempts by subject", subject, _by_subject(tally.attempts)),
        _table("Exports of data", called, _summed(tally, lambda s: s.is_export and s.is_sent)),
        _nobodys(tally),
        _table("Authentication failures", ("endpoint", "from", "error"), tally.logins),
        _table("Refused at the edge", ("endpoint", "from", "http", "error"), tally.edge),
        _table("Rate limits passed on (429)", ("actor", "tool"), _limits(tally)),
        changes(tally.changes),
        _policies(tally),
        _table("Lifecycle and administration", ("stage", "what"), tally.incidents),
    ]


def _summed(tally: Tally, has: Callable[[Shape], bool]) -> Counter[Row]:
    """Calls by actor, tool and status, of the shapes that have something."""
    counts: Counter[Row] = Counter()
    for shape, spread in tally.shapes.items():
        if has(shape):
            counts[shape.names.who, shape.tool, shape.status] += spread.times
    return counts


def _writes(tally: Tally) -> Counter[Row]:
    counts: Counter[Row] = Counter()
    for shape, spread in tally.shapes.items():
        if shape.effect in WRITES and shape.is_sent:
            counts[shape.names.who, shape.tool, shape.effect, shape.status] += spread.times
    return counts


def _limits(tally: Tally) -> Counter[Row]:
    limited = _summed(tally, lambda shape: shape.status == "rate_limited")
    return Counter({row[:2]: times for row, times in limited.items()})


def _personal(tally: Tally) -> Counter[Row]:
    counts: Counter[Row] = Counter()
    for (names, entity, fate), times in tally.personal.items():
        counts[names.who, entity, fate] += times
    return counts


def _by_subject(counted: Counter[tuple[str, str, Names, str, str]]) -> Counter[Row]:
    counts: Counter[Row] = Counter()
    for (kind, subject, names, tool, status), times in counted.items():
        counts[kind, subject, names.who, tool, status] += times
    return counts


def _listed(tally: Tally) -> list[Table]:
    """Of a subject: each access, and the calls of which nobody can tell whether they were one."""
    if tally.kin is None:
        return []
    columns = ("time", "human", "agent", "workload", "tool", "what", "status", "reached by")
    rest = sum(tally.accesses.values()) + sum(tally.attempts.values()) > MOST_LISTED
    more = f" Only the first {MOST_LISTED} are listed; narrow the time." if rest else ""
    each = Table(
        "Accesses to this subject",
        (*columns, "masked", "left unmasked", "event"),
        tuple(tally.listed),
        own_words=frozenset({"what"}),
        note=_UNCOUNTED + more,
        about="Each call about this subject, in order, and by which id it was reached.",
    )
    crowd = _table(
        "Calls about more subjects than are listed",
        ("actor", "tool", "status"),
        tally.crowded,
        about="Lists so long, ids so odd or answers in such words that events do not name each. "
        "This one may have been among them.",
    )
    return [each, crowd]


def _denials(tally: Tally) -> Table:
    """Denials with the id that the last of them carried to its caller, for `show`."""
    counted = sorted(tally.denials.items())
    rows: list[tuple[str | int, ...]] = [(*row, n, tally.denied[row]) for row, n in counted]
    columns = ("actor", "tool", "rule", "reason", "remedy", "times", "last event")
    return Table("Denials", columns, tuple(rows), about=_ABOUT["Denials"])


def _shadow(tally: Tally) -> list[Table]:
    """What would have been refused by rules in shadow; nothing where none was."""
    if not tally.shadows:
        return []
    counted = sorted(tally.would.items())
    rows: list[tuple[str | int, ...]] = [(*row, n, tally.would_last[row]) for row, n in counted]
    columns, title = ("actor", "tool", "rule", "times", "last event"), "Would be refused"
    judged = _table("Judged in shadow", ("policy", "result"), tally.shadows)
    return [judged, Table(title, columns, tuple(rows), about=_ABOUT[title])]


def _hidden(tally: Tally) -> Table:
    """How many tools were hidden from whom: each list hides the same ones again."""
    tools = Counter(name for name, _ in tally.hidden)
    times: Counter[str] = Counter()
    for (name, _), count in tally.hidden.items():
        times[name] += count
    rows = tuple((name, count, times[name]) for name, count in sorted(tools.items()))
    columns, about = ("actor", "tools", _OFTEN), _ABOUT["Hidden tools"]
    return Table("Hidden tools", columns, rows, note=_NAMED, about=about)


def _every_hidden(tally: Tally) -> Table:
    named = _table("Hidden tools", ("actor", "tool"), tally.hidden)
    return replace(named, columns=("actor", "tool", _OFTEN))


def _results(tally: Tally) -> Table:
    """Each state of a result, those that never were as well: a zero is the news."""
    rows: list[tuple[str | int, ...]] = [
        (words, tally.results[state]) for state, words in _STATES.items()
    ]
    is_any = any(tally.results.values())
    title = "Redaction of results"
    return Table(
        title,
        ("results", "times"),
        tuple(rows) if is_any else (),
        own_words=frozenset({"results"}),
        about=_ABOUT[title],
    )


def _nobodys(tally: Tally) -> Table:
    last: dict[Row, str] = {
        (shape.names.who, shape.tool, shape.status): spread.event
        for shape, spread in tally.shapes.items()
        if is_nobodys(shape)
    }
    counted = sorted(_summed(tally, is_nobodys).items())
    rows: list[tuple[str | int, ...]] = [(*row, times, last[row]) for row, times in counted]
    columns = ("actor", "tool", "status", "times", "last event")
    title = NOBODYS
    return Table(title, columns, tuple(rows), note=_BEHALF, about=_ABOUT[title])


def _policies(tally: Tally) -> Table:
    spans: dict[str, tuple[str, str, int]] = {}
    for shape, spread in tally.shapes.items():
        if shape.policy:
            first, last, times = spans.get(shape.policy, (spread.first, spread.last, 0))
            first, last = min(first, spread.first), max(last, spread.last)
            spans[shape.policy] = (first, last, times + spread.times)
    ordered = sorted(spans.items(), key=lambda item: item[1])
    rows = tuple((first, last, key, times) for key, (first, last, times) in ordered)
    title = "Policies seen"
    return Table(title, ("first", "last", "sha256", "times"), rows, about=_ABOUT[title])


def _table(
    title: str, columns: Row, counted: Counter[Row], note: str = "", about: str = ""
) -> Table:
    counts = sorted(counted.items())
    rows: list[tuple[str | int, ...]] = [(*row, times) for row, times in counts if times]
    return Table(
        title,
        (*columns, "times"),
        tuple(rows),
        own_words=frozenset({"fate"}),
        note=note,
        about=about or _ABOUT[title],
    )
