"""Joins intents and outcomes to calls: what a reviewer counts, filters and lists.

Each call is made once, at its outcome. An outcome's missing sections are those of its intent, which
is kept in memory until the outcome arrives; so memory grows with calls in flight, not with the
file. What a line holds is not trusted: a word is text of bounded length, or it is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sidecar.audit.chain import parse
from sidecar.audit.reader import Told, lines, section
from sidecar.model import JsonObject

UNKNOWN_END: Final = "unknown end"
"""Status of an intent without outcome: the call may have been executed."""

STRANGER: Final = "unauthenticated"
"""Stands where a token would have named an agent."""

NOBODY: Final = "no verified human"
"""Stands where a token would have named the human on whose behalf a workload acts."""

_REPEATED: Final = ("actor", "src", "mcp", "decision")
"""Sections that an outcome has whole, or not at all."""

_MAX_WORD: Final = 200
_NEVER_SENT: Final = frozenset(
    {"refused", "sidecar_error", "backend_error", "timeout", "cancelled"}
)
"""How a call ended that left nothing for the backend, if no intent was recorded before it."""

_NAMING: Final = (
    "is_authenticated",
    "endpoint",
    "auth_error",
    "account",
    "issuer",
    "subject",
    "client",
    "on_behalf_of",
)
"""Members of an actor that its names are made of."""

_ENDED: Final = frozenset({"endpoint_expired", "endpoint_revoked"})


class Names(NamedTuple):
    """Who acted, as the tables name them; only a verified token's words count as a name.

    Attributes:
        who: Agent, endpoint and human in one.
        human: On whose behalf a workload acts; or NOBODY.
        agent: The token's subject or client, and who issued it; `unauthenticated` without a token.
        workload: The endpoint that was used, and the integrated account that it belongs to.
    """

    who: str
    human: str
    agent: str
    workload: str


class Call(NamedTuple):
    """One message from its intent to its outcome, or a refusal.

    Attributes:
        id: What a refusal carried to its caller, by which `show` finds it.
        ts: The time of the outcome, `seq` its place.
        seq: See `ts`.
        ref: The id of the intent; empty if none was recorded.
        names: Who acted.
        tool: The tool that was called, or the method of what is no call of a tool.
        status: How it ended.
        verdict: `allow`, `mask`, `deny` or `error`; empty for what nobody judged.
        times: How many equal messages this one stands for.
        subjects: Kind and id of each whose data it was about.
        actor: This and the following are the sections of the event schema, joined.
        src: See `actor`.
        mcp: See `actor`.
        decision: See `actor`.
        data: See `actor`.
        outcome: See `actor`.
    """

    id: str
    ts: str
    seq: int
    ref: str
    names: Names
    tool: str
    status: str
    verdict: str
    times: int
    subjects: frozenset[tuple[str, str]]
    actor: JsonObject
    src: JsonObject
    mcp: JsonObject
    decision: JsonObject
    data: JsonObject
    outcome: JsonObject

    @property
    def is_sent(self) -> bool:
        """Whether it may have reached the backend: its intent was recorded, or it went well."""
        return bool(self.ref) or self.status not in _NEVER_SENT

    @property
    def is_access(self) -> bool:
        """Whether data may have been read or written. The backend's 429 is a refusal, too."""
        return self.is_sent and self.status != "rate_limited"

    @property
    def rules(self) -> tuple[str, ...]:
        """Codes of the rules that took part, those that refused among them."""
        named = [text(rule) for rule in items(self.decision.get("rules"))]
        return tuple(dict.fromkeys([*named, *(word(denial, "code") for denial in self.denials)]))

    @property
    def denials(self) -> tuple[JsonObject, ...]:
        """Why not, denial by denial, as recorded."""
        return tuple(d for d in items(self.decision.get("denials")) if isinstance(d, dict))

    @property
    def would(self) -> str:
        """What a policy in shadow would have changed: same, deny, allow, mask, failed; or empty."""
        return word(section(self.decision, "shadow"), "result")

    @property
    def would_codes(self) -> tuple[str, ...]:
        """The rules because of which it would have been refused, else the grants that it lacked."""
        shadow = section(self.decision, "shadow")
        return tuple(map(text, items(shadow.get("denials")) or items(shadow.get("withdrawn"))))

    @property
    def entities(self) -> frozenset[str]:
        """The kinds of personal data that were found in it, in either direction."""
        counted = ("findings_in", "found", "masked", "kept")
        return frozenset(text(name) for each in counted for name in section(self.data, each))


class Calls:
    """Takes records in the order of the log and gives each call once."""

    def __init__(self) -> None:
        self._intents: dict[str, JsonObject] = {}

    def step(self, record: JsonObject) -> Call | None:
        """Take the next record; the call that it ends, if it ends one."""
        match record.get("stage"):
            case "intent":
                # Only `show` prints the decision's input, and it is most of an intent.
                section(record, "decision").pop("input", None)
                self._intents[word(record, "id")] = record
            case "outcome":
                return joined(self._intents.pop(word(record, "ref"), {}), record)
        return None

    def rest(self) -> Iterator[Call]:
        """The calls whose outcome nobody recorded; they may have been executed."""
        for event, intent in self._intents.items():
            yield joined({}, {**intent, "ref": event, "outcome": {"status": UNKNOWN_END}})


def read(path: Path, told: Told | None = None) -> Iterator[Call]:
    """Read a log's calls in the order in which they ended, those without an end last.

    Raises ConfigError if the log cannot be read.
    """
    calls = Calls()
    for raw in lines(path, told):
        record = parse(raw)
        call = calls.step(record) if record is not None else None
        if call is not None:
            yield call
    yield from calls.rest()


def joined(intent: JsonObject, outcome: JsonObject) -> Call:
    """Complete an outcome with the sections that only its intent has; `data` member by member."""
    actor, src, mcp, decision = (
        section(outcome, name) or section(intent, name) for name in _REPEATED
    )
    ended, ref = section(outcome, "outcome"), word(outcome, "ref")
    data = section(outcome, "data")
    if before := section(intent, "data"):
        data = before | data
        for name in before.keys() & {"subjects", "merged"}:
            mine = items(section(outcome, "data").get(name))
            data[name] = [*items(before[name]), *mine]
    return Call(
        ref or word(outcome, "id"),
        word(outcome, "ts"),
        number(outcome.get("seq")),
        ref,
        names_of(actor),
        word(mcp, "tool") or word(mcp, "method"),
        word(ended, "status"),
        word(decision, "result"),
        number(ended.get("count")) or 1,
        frozenset(_subjects(data)),
        actor,
        src,
        mcp,
        decision,
        data,
        ended,
    )


def _subjects(data: JsonObject) -> list[tuple[str, str]]:
    about = items(data.get("subjects"))
    return [(word(one, "kind"), word(one, "id")) for one in about if type(one) is dict]


def names_of(actor: JsonObject) -> Names:
    """Name who acted."""
    try:
        return _remembered(*map(actor.get, _NAMING))
    except TypeError:  # a member that is no text, so that nothing can be remembered by it
        return _named({name: text(actor.get(name)) for name in _NAMING})


# Typed, since 1 and True are one to a dictionary, and two to whoever is to be authenticated.
@lru_cache(maxsize=1 << 14, typed=True)
def _remembered(*members: Any) -> Names:
    return _named(dict(zip(_NAMING, members, strict=True)))


def _named(actor: JsonObject) -> Names:
    account, at = word(actor, "account"), endpoint(actor) or "no endpoint"
    workload = at + (f" of account {account}" if account else "")
    if actor.get("is_authenticated") is not True:
        return Names(f"{STRANGER} at {at}", NOBODY, STRANGER, workload)
    issuer, behalf = word(actor, "issuer"), word(actor, "on_behalf_of")
    name = word(actor, "subject") or word(actor, "client") or "unnamed"
    agent = name + (f" ({issuer})" if issuer else "")
    who = f"{agent} at {at}" + (f" for {behalf}" if behalf else "")
    return Names(who, behalf or NOBODY, agent, workload)


def endpoint(actor: JsonObject) -> str:
    """The endpoint that was used, even if it has expired or was revoked."""
    kind, _, name = word(actor, "auth_error").partition(": ")
    return word(actor, "endpoint") or (name if kind in _ENDED else "")


def auth_error(actor: JsonObject) -> str:
    """Why a caller was not known, without the name of its endpoint."""
    error = word(actor, "auth_error")
    kind = error.partition(": ")[0]
    return kind if kind in _ENDED else error


def word(holder: JsonObject, name: str) -> str:
    """A member as text of bounded length; empty if there is none."""
    value = holder.get(name, "")
    return value[:_MAX_WORD] if type(value) is str else text(value)


def text(value: Any) -> str:
    """A text or a number as text of bounded length; empty for anything else."""
    return str(value)[:_MAX_WORD] if isinstance(value, str | int) else ""


def number(value: Any) -> int:
    """A positive whole number, or 0."""
    return value if type(value) is int and value > 0 else 0


def items(value: Any) -> Iterable[Any]:
    """A list's items; none of anything else."""
    return value if isinstance(value, list) else ()
