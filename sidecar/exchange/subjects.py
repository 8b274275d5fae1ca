"""Whose data a call is about, by the catalog's rules, and whom Gladly answered for instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from sidecar.model import JsonObject, Subject, Tool

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""What Gladly's ids look like, its own and those that callers choose."""

_MOST: Final = 1000
"""Objects and lists of an error that are looked through for a merge."""


def subjects(tool: Tool, arguments: JsonObject, payload: Any = None) -> list[JsonObject]:
    """Whose data a call is about, by the catalog's rules: ids only, each once, in order."""
    found: dict[tuple[str, str], None] = {}
    for rule in tool.subjects:
        for value in _pointed(rule, arguments, payload):
            found[(rule.kind, value if _ID.fullmatch(value) else "[withheld]")] = None
    return [{"kind": kind, "id": value} for kind, value in found]


def merges(
    tool: Tool, arguments: JsonObject, payload: Any, *, is_error: bool = False
) -> list[JsonObject]:
    """Customers that were merged into others, each as `from` and `to`: ids alone.

    Either an error says so, as Gladly does (301 with the code `moved`, and `meta` with both ids),
    in whatever envelope; or one customer was asked for, and one other answered.
    """
    found: list[tuple[str, str]] = []
    if is_error:
        found += _moved(payload)
    else:
        asked = _customers(tool, arguments, payload, "argument")
        answered = _customers(tool, arguments, payload, "result")
        if len(asked) == len(answered) == 1:
            found = [pair for pair in zip(asked, answered, strict=True) if pair[0] != pair[1]]
    return [
        {"from": old, "to": new}
        for old, new in dict.fromkeys(found)
        if _ID.fullmatch(old) and _ID.fullmatch(new)
    ]


def _customers(
    tool: Tool, arguments: JsonObject, payload: Any, source: Literal["argument", "result"]
) -> set[str]:
    rules = [r for r in tool.subjects if r.kind == "customer" and r.source == source]
    return {value for rule in rules for value in _pointed(rule, arguments, payload)}


def _pointed(rule: Subject, arguments: JsonObject, payload: Any) -> Iterator[str]:
    """The texts that a rule points to."""
    if rule.source == "result" and payload is None:
        return
    path = rule.pointer.split("/")[1:]
    for source in [arguments] if rule.source == "argument" else _records(payload):
        value: Any = source
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            yield value


def _records(payload: Any) -> list[Any]:
    """A list, the list under `result` as some servers wrap it, or the one record itself."""
    inner = payload.get("result") if isinstance(payload, dict) else payload
    return inner if isinstance(inner, list) else [payload]


def _moved(payload: Any) -> Iterator[tuple[str, str]]:
    """What the errors of an envelope say of merges, from the outside to the inside."""
    met = [payload]
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
