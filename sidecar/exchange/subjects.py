"""Whose data a call is about, by the catalog's rules, and whom Gladly answered for instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from sidecar.model import JsonObject, Subject, Tool

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""What Gladly's ids look like, its own and those that callers choose."""

_DEEPEST: Final = 6
_MOST: Final = 100
"""Levels and members of an error that are looked through for a merge."""


def subjects(tool: Tool, arguments: JsonObject, payload: Any = None) -> list[JsonObject]:
    """Whose data a call is about, by the catalog's rules: ids only, each once, in order."""
    found: dict[tuple[str, str], None] = {}
    for rule in tool.subjects:
        for value in _pointed(rule, arguments, payload):
            found[(rule.kind, value if _ID.fullmatch(value) else "[withheld]")] = None
    return [{"kind": kind, "id": value} for kind, value in found]


def merges(tool: Tool, arguments: JsonObject, payload: Any) -> list[JsonObject]:
    """Customers that were merged into others, each as `from` and `to`: ids alone.

    Either an error says so, as Gladly does (301 with the code `moved`, and `meta` with both ids),
    in whatever envelope; or one customer was asked for, and one other answered.
    """
    found = list(_moved(payload, 0))
    asked, answered = (_customers(tool, arguments, payload, one) for one in ("argument", "result"))
    if not found and len(asked) == len(answered) == 1:
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


def _moved(value: Any, level: int) -> Iterator[tuple[str, str]]:
    if level > _DEEPEST or not isinstance(value, (dict, list)):
        return
    meta = value.get("meta") if isinstance(value, dict) and value.get("code") == "moved" else None
    if isinstance(meta, dict) and isinstance(meta.get("old"), str):
        yield meta["old"], str(meta.get("new"))
    for child in list(value.values() if isinstance(value, dict) else value)[:_MOST]:
        yield from _moved(child, level + 1)
