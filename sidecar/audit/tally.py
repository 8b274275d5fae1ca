"""Counts a log's calls into what the tables of a report show.

Each fact stands where it belongs. A call that never left for the backend is nobody's access. What
was turned away at the door is told by how (`gate`), a rule's refusal is a denial, and a failure,
the sidecar's or the backend's, is neither.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sidecar.audit.calls import (
    NOBODY,
    Call,
    Calls,
    Names,
    auth_error,
    endpoint,
    items,
    number,
    text,
    word,
)
from sidecar.audit.kin import Kin
from sidecar.audit.reader import section
from sidecar.model import JsonObject

KINDS: Final = ("human", "agent", "workload")
"""By whom calls are summed up."""

FATES: Final = {
    "findings_in": "sent in arguments",
    "found": "found in results",
    "masked": "masked",
    "kept": "returned",
}
"""What became of personal data, by the member of an event that counts it."""

MOST_LISTED: Final = 20_000
"""Accesses and changes that are listed one by one; all are counted."""

_AT_THE_EDGE: Final = frozenset({403, 405, 408, 413, 415})
_QUIET: Final = frozenset({"checkpoint", "pruned"})
"""Lifecycle events that the integrity box tells; they are counted, and no change."""

_BLOCKED: Final = {"unscannable": "unscannable", "redaction_residual": "blocked"}
"""What redaction made of a result, by the reason of the refusal; older events have only that."""

_LET_THROUGH: Final = frozenset({"allow", "mask"})

CUSTOMER: Final = "customer"
"""The kind of subject that is a person; the others are what belongs to one."""

NOBODYS: Final = "Calls without a verified human behind them"
"""The title of the table that lists them, as the answer names it."""

ACCESS: Final = "access"
"""What a listed call was that saw or changed data."""

Row = tuple[str, ...]


class Shape(NamedTuple):
    """What calls have in common that most tables ask for; calls of one shape are counted at once.

    `is_sent` and `is_export` are the call's; `policy` is the digest of the one that decided.
    """

    names: Names
    tool: str
    status: str
    verdict: str
    effect: str
    policy: str
    is_sent: bool
    is_export: bool
    is_tool: bool


@dataclass(slots=True)
class Spread:
    """How many calls of one shape there were, the times of the first and last, the last's id."""

    times: int
    first: str
    last: str
    event: str


@dataclass(slots=True)
class Tally:
    """Counters whose keys are the rows of tables. Times are UTC timestamps, or empty for no limit.

    With `kin` only calls about that subject are counted, and each access is listed. `first` and
    `last` are the times that the whole log covers.
    """

    since: str = ""
    until: str = ""
    kin: Kin | None = None
    events: int = 0
    first: str = ""
    last: str = ""
    joined: Calls = field(default_factory=Calls)
    shapes: dict[Shape, Spread] = field(default_factory=dict)
    hours: Counter[Row] = field(default_factory=Counter)
    personal: Counter[tuple[Names, str, str]] = field(default_factory=Counter)
    accesses: Counter[tuple[str, str, Names, str, str]] = field(default_factory=Counter)
    attempts: Counter[tuple[str, str, Names, str, str]] = field(default_factory=Counter)
    listed: list[Row] = field(default_factory=list)
    crowded: Counter[Row] = field(default_factory=Counter)
    denials: Counter[Row] = field(default_factory=Counter)
    denied: dict[Row, str] = field(default_factory=dict)
    failures: Counter[Row] = field(default_factory=Counter)
    hidden: Counter[Row] = field(default_factory=Counter)
    shadows: Counter[Row] = field(default_factory=Counter)
    would: Counter[Row] = field(default_factory=Counter)
    would_last: dict[Row, str] = field(default_factory=dict)
    logins: Counter[Row] = field(default_factory=Counter)
    edge: Counter[Row] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    incidents: Counter[Row] = field(default_factory=Counter)
    changes: list[JsonObject] = field(default_factory=list)

    def step(self, record: JsonObject) -> None:
        """Take the next record of the log."""
        ts = word(record, "ts")
        self.first, self.last = min(self.first or ts, ts), max(self.last, ts)
        is_inside = self._has(ts)
        self.events += is_inside
        call = self.joined.step(record)
        if call is not None and is_inside:
            self._count(call)
        elif is_inside and word(record, "stage") not in {"intent", "outcome"}:
            self._note(record)

    def end(self) -> None:
        """Count the calls whose outcome nobody recorded."""
        for call in self.joined.rest():
            if self._has(call.ts):
                self._count(call)

    def _has(self, ts: str) -> bool:
        return self.since <= ts and (not self.until or ts < self.until)

    def _note(self, record: JsonObject) -> None:
        what = word(section(record, "data"), "what")
        self.incidents[word(record, "stage"), what] += 1
        if what not in _QUIET and len(self.changes) < MOST_LISTED:
            self.changes.append(record)

    def _count(self, call: Call) -> None:
        relation = self.kin.relation(call) if self.kin else ""
        if self.kin and not relation:
            self._count_crowd(call)
            return
        self._count_shape(call)
        self.hours[call.ts[:13], call.verdict or "none"] += call.times
        self._count_refusal(call)
        if call.would:
            self._count_shadow(call)
        if call.data:
            self._count_data(call)
            self._count_subjects(call, relation)
        if call.status == "ok" and "result" not in call.data and "tool" in call.mcp:
            self.results["masked" if "masked" in call.data else "scanned"] += 1

    def _count_shape(self, call: Call) -> None:
        shape = Shape(
            call.names,
            call.tool,
            call.status,
            call.verdict,
            word(call.mcp, "effect"),
            word(call.decision, "policy_sha256"),
            call.is_sent,
            call.data.get("is_export") is True,
            "tool" in call.mcp,
        )
        spread = self.shapes.get(shape)
        if spread is None:
            self.shapes[shape] = Spread(call.times, call.ts, call.ts, call.id)
            return
        spread.times += call.times
        spread.first, spread.last = min(spread.first, call.ts), max(spread.last, call.ts)
        spread.event = call.id

    def _count_crowd(self, call: Call) -> None:
        """Note a call about more subjects than its event lists, or that hid or did not know one."""
        is_unknown = call.data.get("subjects_unknown") is True
        is_more = is_unknown or number(call.data.get("subjects_total")) > 0
        if call.is_access and (is_more or "[withheld]" in {found for _, found in call.subjects}):
            self.crowded[call.names.who, call.tool, call.status] += 1

    def _count_refusal(self, call: Call) -> None:
        name = call.names.who
        for each in items(call.decision.get("hidden_tools")):
            self.hidden[name, text(each)] += 1
        if call.verdict in _LET_THROUGH and call.status != "refused":
            return
        gate, origin, at = _gate(call), word(call.src, "ip"), endpoint(call.actor)
        reason, times = word(call.decision, "reason"), call.times
        error = auth_error(call.actor) or reason
        if gate == "login":
            self.logins[at, origin, error] += times
        elif gate == "edge":
            self.edge[at, origin, word(call.outcome, "http"), error] += times
        elif call.verdict == "error":
            self.failures[name, call.tool, call.status, reason] += times
        elif call.verdict == "deny":
            for denial in told(call):
                words = (word(denial, member) for member in ("code", "message", "remedy"))
                row = (name, call.tool, *words)
                self.denials[row] += times
                self.denied[row] = call.id
        if reason in _BLOCKED and "result" not in call.data:
            self.results[_BLOCKED[reason]] += 1

    def _count_shadow(self, call: Call) -> None:
        digest = word(section(call.decision, "shadow"), "policy_sha256")
        self.shadows[digest, call.would] += call.times
        for code in (call.would_codes or ("",)) if call.would == "deny" else ():
            row = (call.names.who, call.tool, code)
            self.would[row] += call.times
            self.would_last[row] = call.id

    def _count_data(self, call: Call) -> None:
        data = call.data
        for member, fate in FATES.items():
            if member in data:
                for entity, times in section(data, member).items():
                    self.personal[call.names, text(entity), fate] += number(times)
        if "result" in data:
            self.results[word(data, "result")] += 1

    def _count_subjects(self, call: Call, relation: str) -> None:
        counted = self.accesses if call.is_access else self.attempts
        for kind, subject in call.subjects:
            counted[kind, subject, call.names, call.tool, call.status] += 1
        if relation and len(self.listed) < MOST_LISTED:
            masked, seen = (_counts(call, member) for member in ("masked", "kept"))
            is_seen = ACCESS if call.is_access else "refused, nothing was seen"
            row = (call.ts, *call.names[1:], call.tool, is_seen, call.status, relation)
            self.listed.append((*row, masked, seen, call.id))


def _counts(call: Call, member: str) -> str:
    counted = section(call.data, member).items()
    return text(", ".join(f"{entity} {times}" for entity, times in counted))


def told(call: Call) -> list[JsonObject]:
    """Get the denials that say something of a call, or its slug if no rule refused it.

    A tool that the catalog does not know counts as the worst of everything, so that nearly every
    rule denies it. Beside `access.unknown` only what is sealed into the endpoint is news.
    """
    found = list(call.denials)
    if any(denial.get("code") == "access.unknown" for denial in found):
        news = ("access.unknown", "sealed.")
        found = [denial for denial in found if word(denial, "code").startswith(news)]
    return found or [{"code": call.decision.get("reason"), "message": ""}]


def is_nobodys(shape: Shape) -> bool:
    """Whether calls of this shape used a tool, and no verified token names a human for them."""
    return shape.is_tool and shape.names.human == NOBODY


def _gate(call: Call) -> str:
    """Where a message was turned away before it was judged: `login`, `edge`, or empty for neither.

    By HTTP status. A stranger's 404 is a path that is none, or an endpoint or session that is not
    theirs. A refusal without a status counts as a login.
    """
    error, http = word(call.actor, "auth_error"), number(call.outcome.get("http"))
    if call.status != "refused":
        return ""
    if http in _AT_THE_EDGE:
        return "edge"
    if http == 401 or (error and not http):  # noqa: PLR2004 - RFC 9110
        return "login"
    if http == 404 and error.startswith(("endpoint_", "session_")):  # noqa: PLR2004
        return "login"
    return "edge" if error and http in {400, 404} else ""
