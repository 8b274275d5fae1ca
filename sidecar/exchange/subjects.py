"""Whose data a call is about, by the catalog's rules, and whom Gladly answered for instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal

from sidecar import redaction
from sidecar.model import Finding, JsonObject, Subject, Tool

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""What Gladly's ids look like, its own and those that callers choose: names and numbers as well."""

_MADE: Final = re.compile(
    r"[A-Za-z0-9_-]{22}|[0-9a-f]{24}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
)
"""Ids that a machine made, so that they say nothing of anybody."""

_WITHHELD: Final = "[withheld]"

_MOST: Final = 1000
"""Objects and lists of an error that are looked through for a merge."""


def subjects(tool: Tool, arguments: JsonObject, payloads: Sequence[Any] = ()) -> list[JsonObject]:
    """Whose data a call is about, by the catalog's rules: ids only, each once, in order.

    For the memory of this process, which tells one customer from another. An id that a caller
    chose may be a name or a number: `shown` is what may be written down.
    """
    found: dict[tuple[str, str], None] = {}
    for rule in tool.subjects:
        for value in _pointed(rule, arguments, payloads):
            found[(rule.kind, value if _ID.fullmatch(value) else _WITHHELD)] = None
    return [{"kind": kind, "id": value} for kind, value in found]


def shown(found: Sequence[JsonObject], suspects: frozenset[str] = frozenset()) -> list[JsonObject]:
    """Subjects as they may be written down: an id only if a machine made it, else `[withheld]`.

    `suspects` are ids in which the scan found something; an id in which redaction finds something
    by itself is withheld as well. Known limit: a text of 22 letters looks like an id, and stays.
    """
    made = _made([one["id"] for one in found], suspects)
    ids = {(one["kind"], one["id"] if one["id"] in made else _WITHHELD): None for one in found}
    return [{"kind": kind, "id": value} for kind, value in ids]


def shown_merges(found: Sequence[JsonObject], suspects: frozenset[str]) -> list[JsonObject]:
    """Merges as they may be written down: those of which both ids may.

    One that is withheld would make kin of everybody whose id is.
    """
    made = _made([value for merge in found for value in merge.values()], suspects)
    return [merge for merge in found if made.issuperset(merge.values())]


def suspected(tool: Tool, arguments: JsonObject, findings: Iterable[Finding]) -> frozenset[str]:
    """The ids among a call's arguments that findings point at."""
    pointers = {finding.pointer for finding in findings}
    rules = [r for r in tool.subjects if r.source == "argument" and r.pointer in pointers]
    return frozenset(value for rule in rules for value in _pointed(rule, arguments, ()))


def _made(values: Iterable[str], suspects: frozenset[str]) -> set[str]:
    """The ids among texts that may be written down; looked at together, since many cost as one."""
    made = [v for v in dict.fromkeys(values) if v not in suspects and _MADE.fullmatch(v)]
    hit = {finding.pointer for finding in redaction.scan(made)} if made else set()
    return {value for index, value in enumerate(made) if f"/{index}" not in hit}


def merges(
    tool: Tool, arguments: JsonObject, payloads: Sequence[Any], *, is_error: bool = False
) -> list[JsonObject]:
    """Customers that were merged into others, each as `from` and `to`: ids alone.

    Either an error says so, as Gladly does (301 with the code `moved`, and `meta` with both ids),
    in whatever envelope; or one customer was asked for, and one other answered.
    """
    found: list[tuple[str, str]] = []
    if is_error:
        found += _moved(payloads)
    else:
        asked = _customers(tool, arguments, payloads, "argument")
        answered = _customers(tool, arguments, payloads, "result")
        if len(asked) == len(answered) == 1:
            found = [pair for pair in zip(asked, answered, strict=True) if pair[0] != pair[1]]
    return [
        {"from": old, "to": new}
        for old, new in dict.fromkeys(found)
        if _ID.fullmatch(old) and _ID.fullmatch(new)
    ]


def _customers(
    tool: Tool,
    arguments: JsonObject,
    payloads: Sequence[Any],
    source: Literal["argument", "result"],
) -> set[str]:
    rules = [r for r in tool.subjects if r.kind == "customer" and r.source == source]
    return {value for rule in rules for value in _pointed(rule, arguments, payloads)}


def _pointed(rule: Subject, arguments: JsonObject, payloads: Sequence[Any]) -> Iterator[str]:
    """The texts that a rule points to."""
    path = rule.pointer.split("/")[1:]
    met = (record for payload in payloads for record in _records(payload))
    for source in [arguments] if rule.source == "argument" else met:
        value: Any = source
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            yield value


def _records(payload: Any) -> list[Any]:
    """A list, the list under `result` as some servers wrap it, or the record, so wrapped or not."""
    inner = payload.get("result") if isinstance(payload, dict) else payload
    return inner if isinstance(inner, list) else [payload, inner]


def _moved(payloads: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """What the errors of an envelope say of merges, from the outside to the inside."""
    met = list(payloads[:_MOST])
    for value in met:
        if len(met) > _MOST:
            return
        if isinstance(value, dict):
            meta = value.get("meta")
            if value.get("code") == "moved" and isinstance(meta, dict):
                yield str(meta.get("old")), str(meta.get("new"))
            met += [child for child in value.values() if isinstance(child, (dict, list))]
        elif isinstance(value, list):
            met += [child for child in value if isinstance(child, (dict, list))]
