"""Counts a log's records into the tables of a report.

Each call is counted once, at its outcome. An outcome's missing sections are those of its intent,
which is kept in memory until the outcome arrives; so memory grows with calls in flight and with
distinct rows, not with the file.

Each fact stands where it belongs. A call that never left for the backend is nobody's access. What
was turned away at the door is told by how (`gate`), a rule's refusal is a denial, and a failure,
the sidecar's or the backend's, is neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sidecar.audit.reader import section
from sidecar.audit.table import Table
from sidecar.model import JsonObject

_SECTIONS: Final = ("actor", "src", "mcp", "decision", "data", "outcome")
_MAX_WORD: Final = 200

_UNKNOWN_END: Final = "unknown end"
"""Status of an intent without outcome: the call may have been executed."""

_NEVER_SENT: Final = frozenset(
    {"refused", "sidecar_error", "backend_error", "timeout", "cancelled"}
)
"""How a call ended that left nothing for the backend, if no intent was recorded before it."""

_AT_THE_EDGE: Final = frozenset({403, 405, 408, 413, 415})
_ENDED: Final = frozenset({"endpoint_expired", "endpoint_revoked"})

_FATES: Final = {
    "findings_in": "sent in arguments",
    "found": "found in results",
    "masked": "masked",
    "kept": "returned",
}
_PLACES: Final = "Each place counts; a result may carry the same value as text and as data."
_NAMED: Final = "`sidecar audit report --all` names them."

_Row = tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """Counters whose keys are the rows of the tables. Times are UTC timestamps, or empty."""

    since: str
    until: str
    events: int = 0
    intents: dict[str, JsonObject] = field(default_factory=dict)
    calls: Counter[_Row] = field(default_factory=Counter)
    denials: Counter[_Row] = field(default_factory=Counter)
    denied: dict[_Row, str] = field(default_factory=dict)
    failures: Counter[_Row] = field(default_factory=Counter)
    hidden: Counter[_Row] = field(default_factory=Counter)
    personal: Counter[_Row] = field(default_factory=Counter)
    writes: Counter[_Row] = field(default_factory=Counter)
    accesses: Counter[_Row] = field(default_factory=Counter)
    attempts: Counter[_Row] = field(default_factory=Counter)
    logins: Counter[_Row] = field(default_factory=Counter)
    edge: Counter[_Row] = field(default_factory=Counter)
    limits: Counter[_Row] = field(default_factory=Counter)
    policies: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    incidents: Counter[_Row] = field(default_factory=Counter)

    def step(self, record: JsonObject) -> None:
        """Take the next record of the log."""
        is_inside = self._has(record)
        self.events += is_inside
        match record.get("stage"):
            case "intent":
                self.intents[_word(record, "id")] = record
            case "outcome":
                intent = self.intents.pop(_word(record, "ref"), {})
                if is_inside:
                    self._count(_joined(intent, record))
            case _ if is_inside:
                what = _word(section(record, "data"), "what")
                self.incidents[_word(record, "stage"), what] += 1

    def end(self) -> None:
        """Count the calls whose outcome nobody recorded; they may have been executed."""
        for event, intent in self.intents.items():
            if self._has(intent):
                self._count({**intent, "ref": event, "outcome": {"status": _UNKNOWN_END}})

    def tables(self, *, is_whole: bool = False) -> tuple[Table, ...]:
        """The tables in the order in which a reviewer asks; hidden tools are named in a whole."""
        subject = ("kind", "subject", "actor", "tool", "status")
        return (
            _table("Calls", ("actor", "tool", "status"), self.calls),
            self._denials(),
            _table("Failures", ("actor", "tool", "status", "reason"), self.failures),
            _table("Hidden tools", ("actor", "tool"), self.hidden) if is_whole else self._hidden(),
            _table("Personal data", ("actor", "entity", "fate"), self.personal, _PLACES),
            _table("Writes forwarded", ("actor", "tool", "effect", "status"), self.writes),
            _table("Accesses by subject", subject, self.accesses),
            _table("Refused attempts by subject", subject, self.attempts),
            _table("Authentication failures", ("endpoint", "from", "error"), self.logins),
            _table("Refused at the edge", ("endpoint", "from", "http", "error"), self.edge),
            _table("Rate limits passed on (429)", ("actor", "tool"), self.limits),
            self._policies(),
            _table("Lifecycle and administration", ("stage", "what"), self.incidents),
        )

    def _has(self, record: JsonObject) -> bool:
        ts = _word(record, "ts")
        return self.since <= ts and (not self.until or ts < self.until)

    def _count(self, call: JsonObject) -> None:
        mcp, decision, outcome = (section(call, name) for name in ("mcp", "decision", "outcome"))
        who, tool = _actor(section(call, "actor")), _word(mcp, "tool") or _word(mcp, "method")
        status = _word(outcome, "status")
        times = max(_number(outcome.get("count")), 1)
        self.calls[who, tool, status] += times
        for name in _items(decision.get("hidden_tools")):
            self.hidden[who, _text(name)] += 1
        self._count_refusal(call, who, tool, times)
        self._count_data(section(call, "data"), who)
        self._count_subjects(call, who, tool, status)
        effect = _word(mcp, "effect")
        if effect in {"write", "destructive"} and _is_sent(call):
            self.writes[who, tool, effect, status] += times
        if status == "rate_limited":
            self.limits[who, tool] += times
        self._note_policy(_word(decision, "policy_sha256"), _word(call, "ts"))

    def _count_refusal(self, call: JsonObject, who: str, tool: str, times: int) -> None:
        decision, actor, outcome = (section(call, n) for n in ("decision", "actor", "outcome"))
        gate, origin = _gate(call), _word(section(call, "src"), "ip")
        reason = _word(decision, "reason")
        error = _error(actor) or reason
        if gate == "login":
            self.logins[_endpoint(actor), origin, error] += times
        elif gate == "edge":
            self.edge[_endpoint(actor), origin, _word(outcome, "http"), error] += times
        elif decision.get("result") == "error":
            self.failures[who, tool, _word(outcome, "status"), reason] += times
        elif decision.get("result") == "deny":
            for denial in _told(decision):
                row = (who, tool, _word(denial, "code"), _word(denial, "message"))
                self.denials[row] += times
                self.denied[row] = _word(call, "id")

    def _count_data(self, data: JsonObject, who: str) -> None:
        for name, fate in _FATES.items():
            for entity, times in section(data, name).items():
                self.personal[who, _text(entity), fate] += _number(times)

    def _count_subjects(self, call: JsonObject, who: str, tool: str, status: str) -> None:
        # The backend's 429 is a refusal too: nothing was read or written.
        is_access = _is_sent(call) and status != "rate_limited"
        counted = self.accesses if is_access else self.attempts
        about = _items(section(call, "data").get("subjects"))
        told = {(_word(s, "kind"), _word(s, "id")) for s in about if isinstance(s, dict)}
        for kind, subject in told:
            counted[kind, subject, who, tool, status] += 1

    def _note_policy(self, digest: str, ts: str) -> None:
        if digest:
            first, last, times = self.policies.get(digest, (ts, ts, 0))
            self.policies[digest] = (min(first, ts), max(last, ts), times + 1)

    def _denials(self) -> Table:
        """Denials with the id that the last of them carried to its caller, for `show`."""
        counted = sorted(self.denials.items())
        rows: list[tuple[str | int, ...]] = [(*row, n, self.denied[row]) for row, n in counted]
        columns = ("actor", "tool", "rule", "reason", "times", "last event")
        return Table("Denials", columns, tuple(rows))

    def _hidden(self) -> Table:
        """How many tools were hidden from whom: each list hides the same ones again."""
        tools = Counter(who for who, _ in self.hidden)
        times: Counter[str] = Counter()
        for (who, _), count in self.hidden.items():
            times[who] += count
        rows = tuple((who, count, times[who]) for who, count in sorted(tools.items()))
        return Table("Hidden tools", ("actor", "tools", "times"), rows, note=_NAMED)

    def _policies(self) -> Table:
        spans = sorted(self.policies.items(), key=lambda item: item[1])
        rows = tuple((first, last, key, times) for key, (first, last, times) in spans)
        return Table("Policies seen", ("first", "last", "sha256", "times"), rows)


def _table(title: str, columns: _Row, counted: Counter[_Row], note: str = "") -> Table:
    counts = sorted(counted.items())
    rows: list[tuple[str | int, ...]] = [(*row, times) for row, times in counts if times]
    own_words = frozenset({"fate"})
    return Table(title, (*columns, "times"), tuple(rows), own_words=own_words, note=note)


def _joined(intent: JsonObject, outcome: JsonObject) -> JsonObject:
    """Complete an outcome with what only its intent said; member by member."""
    both = {name: {**section(intent, name), **section(outcome, name)} for name in _SECTIONS}
    about = [_items(section(each, "data").get("subjects")) for each in (intent, outcome)]
    both["data"]["subjects"] = [*about[0], *about[1]]
    return {**outcome, **both}


def _is_sent(call: JsonObject) -> bool:
    """Whether a call may have reached the backend: its intent was recorded, or it went well."""
    return bool(_word(call, "ref")) or _word(section(call, "outcome"), "status") not in _NEVER_SENT


def _gate(call: JsonObject) -> str:
    """Where a message was turned away before it was judged: `login`, `edge`, or empty for neither.

    By HTTP status. A stranger's 404 is a path that is none, or an endpoint or session that is not
    theirs. A refusal without a status counts as a login.
    """
    error, outcome = _word(section(call, "actor"), "auth_error"), section(call, "outcome")
    http = _number(outcome.get("http"))
    if outcome.get("status") != "refused":
        return ""
    if http in _AT_THE_EDGE:
        return "edge"
    if http == 401 or (error and not http):  # noqa: PLR2004 - RFC 9110
        return "login"
    if http == 404 and error.startswith(("endpoint_", "session_")):  # noqa: PLR2004
        return "login"
    return "edge" if error and http in {400, 404} else ""


def _told(decision: JsonObject) -> list[JsonObject]:
    """Get the denials that say something of a call, or its slug if no rule refused it.

    A tool that the catalog does not know counts as the worst of everything, so that nearly every
    rule denies it. Beside `access.unknown` only what is sealed into the endpoint is news.
    """
    told = [denial for denial in _items(decision.get("denials")) if isinstance(denial, dict)]
    if any(denial.get("code") == "access.unknown" for denial in told):
        news = ("access.unknown", "sealed.")
        told = [denial for denial in told if _word(denial, "code").startswith(news)]
    return told or [{"code": decision.get("reason"), "message": ""}]


def _actor(actor: JsonObject) -> str:
    """Name who acted in one cell; only a verified token's words count as a name."""
    endpoint = _endpoint(actor) or "no endpoint"
    if actor.get("is_authenticated") is not True:
        return f"unauthenticated at {endpoint}"
    name = _word(actor, "subject") or _word(actor, "client") or "unnamed"
    issuer, behalf = _word(actor, "issuer"), _word(actor, "on_behalf_of")
    issued = f" ({issuer})" if issuer else ""
    return f"{name}{issued} at {endpoint}" + (f" for {behalf}" if behalf else "")


def _endpoint(actor: JsonObject) -> str:
    """The endpoint that was used, even if it has expired or was revoked."""
    kind, _, name = _word(actor, "auth_error").partition(": ")
    return _word(actor, "endpoint") or (name if kind in _ENDED else "")


def _error(actor: JsonObject) -> str:
    error = _word(actor, "auth_error")
    kind = error.partition(": ")[0]
    return kind if kind in _ENDED else error


def _word(holder: JsonObject, name: str) -> str:
    return _text(holder.get(name, ""))


def _text(value: Any) -> str:
    return str(value)[:_MAX_WORD] if isinstance(value, str | int) else ""


def _number(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
