"""Finds the calls that a reviewer asks for. Every filter that is given has to fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sidecar.audit.calls import Call, items, read, text, word
from sidecar.audit.chain import timestamp
from sidecar.audit.kin import Kin, kin
from sidecar.audit.reader import Told
from sidecar.shown import listed, shown


@dataclass(frozen=True, slots=True)
class Filter:
    """What a call has to be; an empty member asks for nothing.

    Attributes:
        since: It ended at this time or later (aware).
        until: It ended before this time.
        actor: The human, subject, client, endpoint or account, as the log names it.
        tool: The tool's name, or the method of what is no call of a tool.
        tag: One of the tool's tags.
        verdict: `allow`, `mask`, `deny` or `error`.
        rule: The code of a rule that took part.
        entity: A category of personal data that was found in it.
        subject: Whose data it is about, merges and what belongs to them followed.
        policy: The first digits of the policy's digest.
        would: What a policy in shadow would have changed: `same`, `deny`, `allow`, `mask` or
            `failed`.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str = ""
    tool: str = ""
    tag: str = ""
    verdict: str = ""
    rule: str = ""
    entity: str = ""
    subject: str = ""
    policy: str = ""
    would: str = ""


_ACTORS = ("on_behalf_of", "subject", "client", "endpoint", "endpoint_id", "account")


def query(path: Path, asked: Filter, told: Told | None = None) -> Iterator[Call]:
    """Yield the calls that fit, in the order in which they ended, those without an end last.

    Raises ConfigError if the log cannot be read, ValueError for a time without a zone.
    """
    since = timestamp(asked.since) if asked.since else ""
    until = timestamp(asked.until) if asked.until else ""
    kinship = kin(path, asked.subject, told) if asked.subject else None
    for call in read(path, told):
        if since <= call.ts and (not until or call.ts < until) and _fits(call, asked, kinship):
            yield call


def unknown(path: Path, asked: Filter) -> Iterator[str]:
    """Say which tool, tag, rule, entity or id no record of the log has, and what it has instead.

    Raises ConfigError if the log cannot be read.
    """
    had: dict[str, set[str]] = {"tool": set(), "tag": set(), "rule": set(), "entity": set()}
    wanted = {name: str(getattr(asked, name)) for name in had}
    if not any(wanted.values()) and not asked.subject:
        return
    for call in read(path):
        had["tool"].add(call.tool)
        had["tag"].update(text(tag) for tag in items(call.mcp.get("tags")))
        had["rule"].update(call.rules)
        had["entity"] |= call.entities
    for name, word_ in wanted.items():
        if word_ and word_ not in had[name]:
            has = listed(sorted(had[name] - {""}), between=", ") or "none"
            yield f"no record of this log has the {name} {shown(word_)}; it has {has}"
    if asked.subject and not kin(path, asked.subject).is_known:
        yield f"no record of this log has the id {shown(asked.subject)}; capitals count"


def _fits(call: Call, asked: Filter, kinship: Kin | None) -> bool:
    wanted = (
        (asked.actor, {word(call.actor, name) for name in _ACTORS}),
        (asked.tool, {call.tool}),
        (asked.tag, {text(tag) for tag in items(call.mcp.get("tags"))}),
        (asked.verdict, {call.verdict}),
        (asked.rule, call.rules),
        (asked.entity, call.entities),
        (asked.would, {call.would}),
    )
    if not all(not word_ or word_ in found for word_, found in wanted):
        return False
    if kinship and not kinship.relation(call):
        return False
    return word(call.decision, "policy_sha256").startswith(asked.policy)
