"""What the record of a decision may hold of a call's arguments: shapes that are safe, and no text.

Known limit: a word in capitals, a word of 22 letters and a name used as a member's name look
like an enum, an id and an identifier, and stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from sidecar.model import Finding, JsonObject
from sidecar.redaction import leaves, marks
from sidecar.redaction.leaves import Link

MAX_MEMBERS = 200
"""Members of objects and elements of lists that a record holds, all levels together."""
MAX_LEVELS = 8
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOLD = re.compile(r"\[withheld: \d+ characters\]")
"""A key that stands in a pointer as its length alone."""
_SYLLABLE = 2
_SHORT = 8
"""Characters of the longest number that is a count or a size, and not data."""


def withhold(value: Any, findings: Iterable[Finding]) -> Any:
    """A copy for the record of a decision's input, without what may be personal.

    Each leaf with a finding becomes `{"withheld": entity, "length": characters}`. So does any
    other string, as TEXT, unless it is an id, a UUID, a time or a word in capitals, and, as
    NUMBER, any number of a million or of more than eight characters. A key stays if it looks like
    an identifier and holds no personal data; of others the length is told. An object or a list
    becomes `{"withheld": "MORE", "length": members}` below the eighth level, and where its members
    would be more than 200 with those before it. Pointers are as `scan` makes them of the same
    value.
    """
    entities: dict[str, str] = {}
    for finding in findings:
        entities.setdefault(finding.pointer, finding.entity)
    return _Copy(entities).of(value, None, 0)


def withhold_pointer(pointer: str) -> str:
    """A pointer of `scan` for the same record: its keys as `withhold` writes them.

    Of a key that holds personal data, and so stands masked in the pointer, the length of the
    masked key is told.
    """
    keys = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]
    told = (key if _TOLD.fullmatch(key) else _key(key) for key in keys)
    return "".join("/" + leaves.escaped(key) for key in told)


def unsayable(value: Any, findings: Iterable[Finding]) -> tuple[str, ...]:
    """The leaves of a value that `withhold` would not write down, as texts, the longest first.

    Those of one or two characters are no secrets.
    """
    places = {finding.pointer for finding in findings}
    waiting: list[tuple[Any, Link]] = [(value, None)]
    found: set[str] = set()
    while waiting:
        one, link = waiting.pop()
        if isinstance(one, dict):
            waiting.extend((child, (link, key)) for key, child in one.items())
        elif isinstance(one, list):
            waiting.extend((child, (link, number)) for number, child in enumerate(one))
        elif _kind(one) or (places and leaves.pointer(link) in places):
            found.add(str(one))
            if isinstance(one, str):  # and as it stands in what Rego writes of a list or an object
                found.add(json.dumps(one, ensure_ascii=False)[1:-1])
    return tuple(sorted((text for text in found if len(text) > _SYLLABLE), key=len, reverse=True))


def unsaid(words: str, texts: Iterable[str]) -> str:
    """Words that a rule made, without the unsayable: of each its length is told."""
    for text in texts:
        if text in words:
            words = words.replace(text, f"[withheld: {len(text)} characters]")
    return words


class _Copy:
    """One copy in the making, with what room is left in it."""

    def __init__(self, entities: dict[str, str]) -> None:
        self._entities = entities
        self._room = MAX_MEMBERS

    def of(self, value: Any, link: Link, level: int) -> Any:
        """The copy of what stands at a place."""
        if not isinstance(value, (dict, list)):
            entity = self._entities.get(leaves.pointer(link)) if self._entities else None
            entity = entity or _kind(value)
            return _withheld(entity, len(str(value))) if entity else value
        if level >= MAX_LEVELS or len(value) > self._room:
            return _withheld("MORE", len(value))
        self._room -= len(value)
        if isinstance(value, list):
            return [self.of(child, (link, i), level + 1) for i, child in enumerate(value)]
        members = value.items()
        return leaves.object_of((_key(k), self.of(v, (link, k), level + 1)) for k, v in members)


def _withheld(what: str, length: int) -> JsonObject:
    return {"withheld": what, "length": length}


def _kind(value: Any) -> str:
    """What a leaf without a finding is withheld as; nothing if it stays."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, str):
        return "" if marks.has_safe_shape(value) else "TEXT"
    is_small = -leaves.SMALL < value < leaves.SMALL and len(str(value)) <= _SHORT
    return "" if is_small else "NUMBER"


def _key(key: str) -> str:
    is_plain = _KEY.fullmatch(key) is not None and leaves.public_key(key) == key
    return key if is_plain else leaves.withheld_key(key)
