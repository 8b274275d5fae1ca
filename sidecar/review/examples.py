"""Inputs that a policy may meet: every example of the catalog, asked in every way that matters.

Callers with all roles and with none, quiet and busy histories, every hour of a week in steps, and
whatever the rules themselves compare with, put where they look for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

import orjson

from sidecar.catalog import EXITS, Row
from sidecar.model import ENTITIES, Caller, Endpoint, Finding, JsonObject, Tool
from sidecar.policy import Facts

_NOON: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
_MOST: Final = 40
"""Most values of one place that are tried."""

_TURNS: Final = 12
"""Most values of every place at once that are tried."""

_BUSY: Final = {
    "calls": 10**6,
    "writes": 10**6,
    "customers": 10**6,
    "new_customers": 10**6,
    "opens_customers": True,
    "customer_text_seconds": 0,
}
_QUIET: Final = {
    "calls": 0,
    "writes": 0,
    "customers": 0,
    "new_customers": 0,
    "opens_customers": False,
    "customer_text_seconds": None,
}
_OPEN: Final = Endpoint("", None, methods=("read", "write", "custom"))
_NARROW: Final = Endpoint("", None, methods=("get",), tags=("elsewhere",))
_POOR: Final = Caller(_NARROW, is_authenticated=False)


def documents(rows: Sequence[Row], words: Sequence[str]) -> list[JsonObject]:
    """Input documents as a backend with these tools brings them about.

    `words` are all texts that rules hold, any of which may be a role or a scope.
    """
    rich = replace(
        _POOR,
        endpoint=_OPEN,
        is_authenticated=True,
        issuer="https://issuer.example",
        subject="agent",
        client="agent",
        scopes=tuple(words),
        roles=tuple(words),
        on_behalf_of="somebody",
        purpose="support",
    )
    ways = ((rich, _BUSY), (_POOR, _QUIET), (rich, _QUIET))
    return [document for way in ways for document in _asked(rows, *way)]


def variants(
    documents: Sequence[JsonObject], compared: Mapping[tuple[str, ...], Sequence[Any]]
) -> list[JsonObject]:
    """The documents at other times, and with what rules compare with, by place in the input."""
    lists = [document for document in documents if "arguments" not in document]
    calls = [document for document in documents if "arguments" in document]
    ways = (
        _compared(lists, calls, compared),
        _week(lists[:1], calls[: len(calls) // len(lists)]),
        _combined(documents, compared),
    )
    return [document for way in ways for document in way]


def _asked(rows: Sequence[Row], caller: Caller, recent: Mapping[str, Any]) -> Iterator[JsonObject]:
    """A list of all tools and of such as nobody knows, then a call of each example."""
    unpinned = replace(rows[0].tool, is_pinned=False) if rows else Tool("changed", is_pinned=False)
    proposed = Tool("proposed", is_known=True, tags=("unreviewed",))
    odd = (Tool("nobody_knows"), unpinned, proposed, *EXITS.values())
    tools = [*(row.tool for row in rows), *odd]
    facts = [Facts(tools, caller, "tools/list", "2026-07-28", _NOON, recent=recent)]
    for tool, arguments in (*_examples(rows), *((tool, {}) for tool in odd)):
        found = _findings(arguments) if caller.is_authenticated else ()
        method = tool.name if tool.name in EXITS else "tools/call"
        one = Facts((tool,), caller, method, "2026-07-28", _NOON, arguments, found, recent)
        facts.append(one)
    yield from (orjson.loads(orjson.dumps(fact.document())) for fact in facts)


def _examples(rows: Iterable[Row]) -> Iterator[tuple[Tool, JsonObject]]:
    """Each example of a tool, and a call with all arguments that it takes."""
    for row in rows:
        given: JsonObject = {}
        for example in row.examples:
            given |= example.arguments
            yield row.tool, dict(example.arguments)
        properties = row.input_schema.get("properties", {})
        filled = {name: _value(schema) for name, schema in properties.items()} | given
        if filled != given or not row.examples:
            yield row.tool, filled


def _value(schema: JsonObject) -> Any:
    """A value of the kind that a schema describes."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: _value(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_value(schema.get("items", {}))]
    return {"integer": 1, "number": 1, "boolean": True}.get(str(kind), "text")


def _findings(arguments: JsonObject) -> tuple[Finding, ...]:
    """Personal data of every kind, in the first argument and in one that nobody expects."""
    places = [f"/{next(iter(arguments), 'x')}", "/unheard_of"]
    return tuple(Finding(e, place, 9) for e in (*sorted(ENTITIES), "MASK") for place in places)


def _compared(
    lists: Sequence[JsonObject],
    calls: Sequence[JsonObject],
    compared: Mapping[tuple[str, ...], Sequence[Any]],
) -> Iterator[JsonObject]:
    """Each value that rules compare with, where they look for it; an argument in its own tools."""
    for place, values in compared.items():
        if place[0] == "arguments":
            having = [c for c in calls if len(place) > 1 and place[1] in c["tools"][0]["arguments"]]
            base = having or calls[:1]
        else:
            base = [*lists, *calls[:1], *calls[len(calls) // 2 :][:1]]
        for value in islice(values, _MOST):
            yield from (_with(document, {place: value}) for document in base)


def _combined(
    plain: Sequence[JsonObject], compared: Mapping[tuple[str, ...], Sequence[Any]]
) -> Iterator[JsonObject]:
    """One value of every place at once, for rules that ask for several."""
    for turn in range(min(_TURNS, max(map(len, compared.values()), default=0))):
        changes = {place: values[turn % len(values)] for place, values in compared.items()}
        for document in plain:
            known = document.get("arguments")
            yield _with(
                document, {p: v for p, v in changes.items() if p[0] != "arguments" or known}
            )


def _week(lists: Sequence[JsonObject], calls: Sequence[JsonObject]) -> Iterator[JsonObject]:
    """Lists every three hours of a week; calls, which are many, every 21."""
    for hours in range(0, 7 * 24, 3):
        moment = (_NOON + timedelta(hours=hours)).isoformat()
        for document in (*lists, *(calls if hours % 21 == 0 else ())):
            yield {**document, "time": moment}


def _with(document: JsonObject, changes: Mapping[tuple[str, ...], Any]) -> JsonObject:
    """The document with values in other places, where they are of the kind that belongs there.

    A list gets them as its only members.
    """
    made: JsonObject = dict(document)
    for place, value in changes.items():
        if place[0] not in {"tools", "time"}:  # the catalog has those, and the week these
            made = _put(made, place, value)
    return made


def _put(inside: JsonObject, place: tuple[str, ...], value: Any) -> JsonObject:
    key, *rest = place
    held = inside.get(key)
    if rest:
        return {**inside, key: _put(held if isinstance(held, dict) else {}, tuple(rest), value)}
    if isinstance(held, list):
        return {**inside, key: list(value) if isinstance(value, tuple) else [value]}
    return {**inside, key: value} if held is None or type(held) is type(value) else inside
