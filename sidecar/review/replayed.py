"""Yesterday's decisions judged again: which calls of the log another policy would turn around."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from sidecar import audit
from sidecar.audit import reader
from sidecar.model import JsonObject, Verdict
from sidecar.policy import Bundle, bounds
from sidecar.policy.comparing.difference import actions, change, refusals
from sidecar.policy.comparing.replaying import Judge, Judged
from sidecar.review.words import place, wrapped
from sidecar.shown import listed, shown

Told = Callable[[int, int], None]
Fate = Literal["same", "refused", "allowed", "masked", "undecidable", "unread"]

WORDS: Final[dict[Fate, str]] = {
    "same": "same",
    "refused": "newly refused",
    "allowed": "newly allowed",
    "masked": "masks changed",
    "undecidable": "undecidable",
    "unread": "without a decision that can be judged",
}
"""How each fate is called, in the order in which they are told."""

_TURNED: Final[tuple[Fate, ...]] = ("refused", "allowed", "masked")
_MOST_OPEN: Final = 10_000
"""Calls whose outcome is awaited at most; it alone tells what was masked."""

_KEPT_IDS: Final = 1000
"""Ids that are kept of a group; the rest are counted."""


@dataclass(slots=True)
class Group:
    """Calls with one fate, caller, tool and reason: how many, and the first ids."""

    count: int = 0
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Key:
    """What the calls of a group have in common."""

    fate: Fate
    who: str
    tool: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """All that a log's decisions became."""

    groups: Mapping[Key, Group]

    @property
    def counts(self) -> Counter[Fate]:
        """How many calls met each fate."""
        counts: Counter[Fate] = Counter()
        for key, group in self.groups.items():
            counts[key.fate] += group.count
        return counts

    @property
    def has_turned(self) -> bool:
        """Whether a single call would end otherwise."""
        return any(self.counts[fate] for fate in _TURNED)

    def text(self, most: int = 5) -> str:
        """The sums with their shares, then every group with so many ids."""
        counts = self.counts
        total = counts.total()
        lines = [f"{total} recorded decisions on calls judged again"]
        for fate, words in WORDS.items():
            if counts[fate] or fate != "unread":
                share = f"{100 * counts[fate] / total:5.1f} %" if total else "    - "
                lines.append(f"  {words:<16} {counts[fate]:>8}  {share}")
        for fate in (*_TURNED, "undecidable"):
            found = [(key, group) for key, group in self.groups.items() if key.fate == fate]
            if found:
                lines += ["", *_groups(fate, found, most)]
        return "\n".join(lines)

    def document(self) -> JsonObject:
        """The same for a machine."""
        return {
            "counts": {fate: self.counts[fate] for fate in WORDS},
            "groups": [
                {
                    "fate": key.fate,
                    "caller": key.who,
                    "tool": key.tool,
                    "why": list(key.why),
                    "count": group.count,
                    "events": group.events,
                }
                for key, group in self.groups.items()
                if key.fate != "same"
            ],
        }


def _groups(fate: Fate, found: list[tuple[Key, Group]], most: int) -> Iterator[str]:
    """The groups of one fate, the largest first; of many, the first few times as many."""
    calls = sum(group.count for _, group in found)
    callers, tools = len({key.who for key, _ in found}), len({key.tool for key, _ in found})
    yield f"{WORDS[fate]}: {calls} call(s) by {callers} caller(s) of {tools} tool(s)"
    if fate == "undecidable":
        yield "  (a rule reads what the log withholds, at the lines named)"
    found.sort(key=lambda one: (-one[1].count, one[0].tool, one[0].who))
    for key, group in found[: 4 * most]:
        yield from _group(key, group, most)
    if len(found) > 4 * most:
        yield f"  and {len(found) - 4 * most} more groups: --all names them"


def _group(key: Key, group: Group, most: int) -> Iterator[str]:
    ids = listed(group.events[:most], most, " ")
    more = group.count - min(most, len(group.events))
    yield f"  {group.count:>6}  {shown(key.tool)}  by {shown(key.who)}"
    yield from wrapped(", ".join(map(shown, key.why)), 10)
    yield from wrapped(f"{ids}{f' and {more} more' if more else ''}", 10)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call judged again, while its outcome is awaited."""

    event: str
    who: str
    tool: str
    was_allowed: bool
    old: Verdict | None
    new: Judged


async def replay(
    log: Path,
    new: Bundle,
    old: Bundle | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    told: Told | None = None,
) -> Replay:
    """Judge every recorded decision on a call again, in one pass and in bounded memory.

    Which entities were masked is read from the outcome, so that only what turns from masked to
    kept or back is seen; if `old` is the policy that decided, each mask is compared with its.

    Raises:
        ConfigError: the log cannot be read, a bundle cannot run.
    """
    judges = (Judge(new), Judge(old) if old else None)
    first, last = (audit.timestamp(one) if one else "" for one in (since, until))
    groups: dict[Key, Group] = {}
    waiting: dict[str, _Call] = {}
    for record in _records(log, told):
        ts = str(record.get("ts", ""))
        if ts < first or (last and ts >= last):
            continue
        ref = str(record.get("ref", ""))
        if ref in waiting:
            _settle(groups, waiting.pop(ref), record)
        call = await _judged(record, judges, groups)
        if call is None:
            continue
        if record["stage"] == "outcome" or not call.was_allowed:
            _settle(groups, call, record)
        else:
            waiting[call.event] = call
            if len(waiting) > _MOST_OPEN:
                _settle(groups, waiting.pop(next(iter(waiting))), {})
    for call in waiting.values():
        _settle(groups, call, {})
    return Replay(groups)


def _records(log: Path, told: Told | None) -> Iterator[JsonObject]:
    """Intents and outcomes; lines that are no records are for `verify` to tell."""
    for raw in reader.lines(log, told):
        if b'"decision"' not in raw:
            continue
        try:
            record = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict) and record.get("stage") in {"intent", "outcome"}:
            yield record


async def _judged(
    record: JsonObject, judges: tuple[Judge, Judge | None], groups: dict[Key, Group]
) -> _Call | None:
    """Judge a record that holds a decision's input; any other is none."""
    decision = _section(record, "decision")
    document = decision.get("input")
    if not isinstance(document, dict) or "grants" not in decision:
        return None
    actor, mcp = _section(record, "actor"), _section(record, "mcp")
    names = (str(actor.get(name, "")) for name in ("on_behalf_of", "subject", "client", "endpoint"))
    who, tool = next(filter(None, names), "nobody known"), str(mcp.get("tool", ""))
    event = str(record.get("id", ""))
    if bounds.CODE in (denial.get("code") for denial in decision.get("denials", ())):
        # By its size, which the record does not hold: any policy refuses it.
        _add(groups, Key("same", who, tool, ()), event)
        return None
    new, old = judges
    is_olds = old is not None and decision.get("policy_sha256") == old.policy_sha256
    try:
        judged = await new.judge(document)
        before = (await old.judge(document)).verdict if old is not None and is_olds else None
    except ValueError as error:
        _add(groups, Key("unread", who, tool, (str(error),)), event)
        return None
    was = bool(decision["grants"]) and not decision.get("denials")
    return _Call(event, who, tool, was, before, judged)


def _settle(groups: dict[Key, Group], call: _Call, outcome: JsonObject) -> None:
    fate, why = _fate(call, outcome)
    _add(groups, Key(fate, call.who, call.tool, why), call.event)


def _fate(call: _Call, outcome: JsonObject) -> tuple[Fate, tuple[str, ...]]:
    verdict = call.new.verdict
    if verdict is None:
        return "undecidable", tuple(map(place, call.new.reads))
    if call.was_allowed != verdict.is_allowed:
        if verdict.is_allowed:
            return "allowed", verdict.grants
        return "refused", ("a rule has no value",) if call.new.failed else refusals(verdict)
    if not verdict.is_allowed:
        return "same", ()
    if call.old is not None and call.old.is_allowed:
        what = change(call.old, verdict)
        turned = what.why if what else ()
    else:
        turned = tuple(_unmasked(verdict, _section(outcome, "data")))
    return ("masked", turned) if turned else ("same", ())


def _unmasked(verdict: Verdict, data: JsonObject) -> Iterator[str]:
    """Entities that came back masked and would be kept, and the other way round."""
    now = actions(verdict)
    masked, kept = _section(data, "masked"), _section(data, "kept")
    for entity in sorted(masked.keys() ^ kept.keys()):
        action = now.get(entity, "mask")
        if (entity in kept) != (action == "keep"):
            yield f"{entity} {'keep' if entity in kept else 'masked'} → {action}"


def _add(groups: dict[Key, Group], key: Key, event: str) -> None:
    group = groups.setdefault(key, Group())
    group.count += 1
    if key.fate != "same" and len(group.events) < _KEPT_IDS:
        group.events.append(event)


def _section(record: JsonObject, name: str) -> JsonObject:
    found: Any = record.get(name)
    return found if isinstance(found, dict) else {}
