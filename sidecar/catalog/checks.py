"""What must hold inside one row, and the schema cannot say.

Checks run on rows that may break the schema, so that every problem is told at once: a part that
is malformed, or is not there, counts as empty here, and the schema's own fault names it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from sidecar.catalog import patterns
from sidecar.catalog.source import Fault, Place, Source
from sidecar.model import JsonObject

_READING = frozenset({"list", "get"})
_CHANGING = frozenset({"update", "delete"})


@dataclass(frozen=True, slots=True)
class View:
    """A row in its file, read without trust in its shape."""

    place: Place
    row: JsonObject

    def part(self, *keys: str) -> Any:
        """The value below these keys, or None."""
        value: Any = self.row
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def text(self, *keys: str) -> str:
        """The string below these keys, or an empty one."""
        value = self.part(*keys)
        return value if isinstance(value, str) else ""

    def mapping(self, *keys: str) -> JsonObject:
        """The mapping below these keys, or an empty one."""
        value = self.part(*keys)
        return value if isinstance(value, dict) else {}

    def members(self, kind: type, *keys: str) -> list[tuple[Place, Any]]:
        """The members of a kind in the list below these keys, each with its place in the row."""
        value = self.part(*keys)
        found = enumerate(value if isinstance(value, list) else [])
        return [((*keys, i), member) for i, member in found if isinstance(member, kind)]

    def fault(self, place: Place, what: str, remedy: str) -> Fault:
        """A fault at a place of this row."""
        return Fault((*self.place, *place), what, remedy)


def views(source: Source) -> list[View]:
    """The rows of a file, as far as it has any."""
    rows = View((), source.value).members(dict, "tools")
    return [View(place, row) for place, row in rows]


def faults(source: Source) -> list[Fault]:
    """Everything that is wrong in the rows of one file, each row by itself and their order."""
    rows = views(source)
    found = [fault for row in rows for check in _CHECKS for fault in check(row)]
    names = [row.text("name") for row in rows]
    for row, name, before in zip(rows[1:], names[1:], names, strict=False):
        if name < before:
            what = f"{name!r} stands after {before!r}"
            found.append(row.fault(("name",), what, "sort the rows by name"))
    return found


def _effect(row: View) -> Iterator[Fault]:
    method, effect = row.text("method"), row.text("effect")
    if method in _READING and effect in {"write", "destructive"}:
        what = f"a {method} tool cannot have the effect {effect}"
        yield row.fault(("effect",), what, "write read, or mend the method")
    if method in _CHANGING and effect == "read":
        what = f"a {method} tool cannot have the effect read"
        yield row.fault(("effect",), what, "write write or destructive")


def _tags(row: View) -> Iterator[Fault]:
    tags = [tag for _, tag in row.members(str, "tags")]
    if tags != sorted(tags):
        yield row.fault(("tags",), "the tags are not sorted", f"write {', '.join(sorted(tags))}")


def _sent(row: View) -> list[tuple[Place, str]]:
    """Every argument that the REST call uses, and where the row says so."""
    named = patterns.arguments_of(row.text("rest", "path"))
    in_path: list[tuple[Place, str]] = [(("rest", "path"), name) for name in named]
    return in_path + row.members(str, "rest", "query") + row.members(str, "rest", "body")


def _undeclared(row: View) -> Iterator[Fault]:
    """Whatever names an argument names one that the input schema has."""
    declared = row.mapping("input_schema", "properties")
    named = _sent(row) + [(("marks", name), name) for name in row.mapping("marks")]
    for place, subject in row.members(dict, "subject"):
        pointer = subject.get("pointer")
        if subject.get("source") == "argument" and isinstance(pointer, str):
            named.append(((*place, "pointer"), patterns.first_segment(pointer)))
    for place, name in named:
        if name not in declared:
            what = f"{name!r} is no argument of the tool"
            yield row.fault(place, what, "declare it in input_schema, or mend the name")


def _routes(row: View) -> Iterator[Fault]:
    """Each argument is sent to exactly one place, and those in the path are always there."""
    if "rest" not in row.row:
        return
    times = Counter(name for _, name in _sent(row))
    for name in row.mapping("input_schema", "properties"):
        if times[name] != 1:
            where = f"{times[name]} places" if times[name] else "nowhere"
            place = ("input_schema", "properties", name)
            remedy = "name it once, in the path, the query or the body of rest"
            yield row.fault(place, f"argument {name!r} is sent {where}", remedy)
    required = [name for _, name in row.members(str, "input_schema", "required")]
    for name in patterns.arguments_of(row.text("rest", "path")):
        if name not in required:
            what = f"{name!r} is in the path but not required"
            yield row.fault(("rest", "path"), what, "add it to input_schema's required")


def _verb(row: View) -> Iterator[Fault]:
    if row.text("rest", "verb") == "GET" and row.members(str, "rest", "body"):
        what = "a GET request has no body"
        yield row.fault(("rest", "body"), what, "send the arguments in the query")


def _required(row: View) -> Iterator[Fault]:
    for name in ("input_schema", "output_schema"):
        yield from _required_below(row, (name,))


def _required_below(row: View, place: tuple[str, ...]) -> Iterator[Fault]:
    """Every name that a schema requires is one of its properties, at all depths."""
    properties = row.mapping(*place, "properties")
    for at, name in row.members(str, *place, "required"):
        if name not in properties:
            what = f"requires {name!r}, which it does not describe"
            yield row.fault(at, what, "add it to properties, or do not require it")
    for name in properties:
        yield from _required_below(row, (*place, "properties", name))
    if row.mapping(*place, "items"):
        yield from _required_below(row, (*place, "items"))


def _answer(row: View) -> Iterator[Fault]:
    required = [name for _, name in row.members(str, "output_schema", "required")]
    if row.text("method") == "list" and "result" not in required:
        what = "a list tool answers an object that has result"
        yield row.fault(("output_schema",), what, "require and describe result")


def _patterns(row: View) -> Iterator[Fault]:
    typed = row.mapping("pii")
    named: list[tuple[Place, str]] = [(("pii", pattern), pattern) for pattern in typed]
    safe = row.members(str, "safe")
    for place, pattern in [*named, *safe, *row.members(str, "customer_text")]:
        if fault := patterns.fault_of(pattern):
            yield row.fault(place, f"pattern {pattern!r} {fault}", "see README.md, Patterns")
    for place, pattern in safe:
        if pattern in typed:
            yield row.fault(place, f"pattern {pattern!r} is in pii, too", "take it out of safe")


def examples(source: Source, known: Sequence[Fault]) -> list[Fault]:
    """Examples that the input schema refuses. Schemas in which there are faults are not asked."""
    found = []
    for row in views(source):
        schema = (*row.place, "input_schema")
        if "input_schema" in row.row and not any(f.place[: len(schema)] == schema for f in known):
            validator = Draft202012Validator(row.row["input_schema"])
            for place, example in row.members(dict, "examples"):
                if not validator.is_valid(example.get("arguments", {})):
                    what = "the input schema refuses this example"
                    found.append(row.fault(place, what, "mend the example or the schema"))
    return found


def _examples(row: View) -> Iterator[Fault]:
    for place, example in row.members(dict, "examples"):
        rules = View((), example).members(str, "rules")
        codes = [code for _, code in rules]
        if codes != sorted(codes):
            yield row.fault((*place, "rules"), "the codes are not sorted", "sort them")


_CHECKS = (
    _effect,
    _tags,
    _undeclared,
    _routes,
    _verb,
    _required,
    _answer,
    _patterns,
    _examples,
)
