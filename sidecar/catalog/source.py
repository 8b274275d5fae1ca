"""YAML bytes to JSON values that remember their lines, and everything wrong with the bytes.

Only what means the same to every reader is taken: no aliases, tags or merge keys, no key twice, and
no unquoted word that some YAML reader takes for a flag, a date or an odd number. The values are
built from libyaml's flat events, because its own tree builder recurses without a bound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from sidecar.errors import Problem

Place = tuple[str | int, ...]
"""Where a value stands: the keys and indexes that lead to it."""

MAX_DEPTH = 40
"""Levels of nesting; the deepest row that makes sense has about fifteen."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_TAG = "tag:yaml.org,2002:"
_JSON_WORD = re.compile(r"true|false|null|-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?", re.ASCII)
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong at a place of a file."""

    place: Place
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its name, its value (None when it cannot be read) and the line of each place."""

    name: str
    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that has one; from 1."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def where(self, place: Place) -> str:
        """The place as people write it, `file:line`."""
        return f"{self.name}:{self.line(place)}"

    def problems(self, faults: Iterable[Fault]) -> list[Problem]:
        """Say faults of this file with file and line, in the order of the lines, each once."""
        told = {(self.line(f.place), f.what, f.remedy) for f in faults}
        return [Problem(f"{self.name}:{line}", what, remedy) for line, what, remedy in sorted(told)]


def read(name: str, data: bytes) -> Source:
    """Read one file; never raises, whatever the bytes are.

    A source with faults may still hold a value, so that the rest of it can be checked as well.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        lines: dict[Place, int] = {(): data.count(b"\n", 0, error.start) + 1}
        return Source(name, None, lines, (Fault((), "is not UTF-8", "save the file as UTF-8"),))
    reader = _Reader(yaml.parse(text, Loader=_LOADER))
    try:
        value = reader.document()
    except yaml.YAMLError as error:
        what, line = _told(error, text)
        fault = Fault((), f"is not YAML: {what}", "mend the syntax; the rest is checked afterwards")
        return Source(name, None, {(): line}, (fault,))
    return Source(name, value, reader.lines, tuple(reader.faults))


def _told(error: yaml.YAMLError, text: str) -> tuple[str, int]:
    """What a YAML error says, without the excerpt of the file, and its line."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "syntax error"
        return said, 1 + (mark.line if mark else 0)
    position = getattr(error, "position", 0)
    return "a character that YAML does not allow", text.encode().count(b"\n", 0, position) + 1


class _Reader:
    """Builds the value of one document from events, noting lines and faults on the way."""

    def __init__(self, events: Iterator[Any]) -> None:
        self.lines: dict[Place, int] = {}
        self.faults: list[Fault] = []
        self._events = events

    def document(self) -> Any:
        """The value of the only document; None for an empty file."""
        value, documents = None, 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            elif not isinstance(event, (yaml.NodeEvent, *_CLOSING)):
                continue
            elif documents == 1:
                value = self._value(event, ())
        if documents > 1:
            self._fault((), "holds more than one document", "write one document per file")
        return value

    def _fault(self, place: Place, what: str, remedy: str) -> None:
        self.faults.append(Fault(place, what, remedy))

    def _value(self, event: Any, place: Place) -> Any:
        self.lines.setdefault(place, event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            self._fault(place, "is a YAML alias", "write the value out")
            return None
        if event.tag is not None:
            self._fault(place, "has a YAML tag", "take the tag away")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if len(place) >= MAX_DEPTH:
            return self._skip(place)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        return self._sequence(place)

    def _skip(self, place: Place) -> None:
        """Pass over what is nested too deep, without recursion."""
        self._fault(place, f"is nested more than {MAX_DEPTH} levels deep", "write it flatter")
        depth = 1
        while depth:
            event = next(self._events)
            depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)

    def _sequence(self, place: Place) -> list[Any]:
        members: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            members.append(self._value(event, (*place, len(members))))
        return members

    def _mapping(self, place: Place) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = str(getattr(event, "value", ""))
            inside = (*place, key)
            self.lines[inside] = event.start_mark.line + 1
            if not isinstance(self._value(event, inside), str):
                self._fault(inside, "is a key that is no string", "write a quoted string")
            if key in members:
                self._fault(inside, f"is the second key {key!r} here", "keep one of them")
            members[key] = self._value(next(self._events), inside)
        return members

    def _scalar(self, event: Any, place: Place) -> Any:
        """A string, or the JSON value of an unquoted word that every YAML reader takes for it."""
        if not event.implicit[0] or event.style:
            return event.value
        tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))
        if tag == _TAG + "str" or not event.value:
            return event.value or None
        if _JSON_WORD.fullmatch(event.value):
            return json.loads(event.value)
        kind = tag.removeprefix(_TAG)
        self._fault(place, f"is an unquoted word that YAML reads as {kind}", "quote it")
        return event.value
