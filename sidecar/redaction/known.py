"""Values masked by path, searched for in the rest of the same result: "Hi Jane" in a transcript."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sidecar.model import Action
from sidecar.redaction.detect import unescaped
from sidecar.redaction.recogniser import Span

SWEPT = frozenset({"NAME", "EMAIL", "PHONE", "ADDRESS"})
_LEAST = 4
_FEW = 32
"""Values up to which each is looked for by itself first."""
# Given names that are everyday words: their lower-case forms stay.
_EVERYDAY = re.compile(
    r"april|august|bill|chase|christian|dean|destiny|drew|faith|frank|grace|grant|hope|hunter|"
    r"iris|jack|june|lane|mark|mercedes|miles|page|pearl|price|robin|rose|ruby|summer|victor|"
    r"will|young"
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_BREAKS = bytes(c if chr(c).isascii() and chr(c).isalnum() else 32 for c in range(256))
_WORD_OF = re.compile(r"[0-9a-z]+")


def folded(text: str) -> str:
    """Lower case of the same length, so that places stay places."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


class Known:
    """The values of one result, folded, each with its entity and action."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, Action]] = {}
        self._live: tuple[str, ...] = ()

    def add(self, entity: str, action: Action, raw: str) -> None:
        """Remember a value that was masked by path, and of a name each part of four letters."""
        if entity not in SWEPT:
            return
        values = [raw.strip()]
        if entity == "NAME":
            values += _WORD.findall(raw)
        for value in values:
            if len(value) >= _LEAST and any(c.isalnum() for c in value):
                self._values.setdefault(folded(value), (entity, action))

    def is_in(self, data: bytes) -> bool:
        """Whether serialised JSON may hold one. Those it may hold are looked for from now on.

        Linear in the data: an ASCII value must begin with one of the data's words.
        """
        if not self._values:
            return False
        text = unescaped(data).lower()
        if len(self._values) <= _FEW and not any(self._may_begin_in(v, text) for v in self._values):
            self._live = ()
            return False
        words = frozenset(text.translate(_BREAKS).split())
        whole = folded(text.decode()) if any(not v.isascii() for v in self._values) else ""
        self._live = tuple(v for v in self._values if self._may_be_in(v, words, whole))
        return bool(self._live)

    @staticmethod
    def _may_begin_in(value: str, text: bytes) -> bool:
        """Less than `_may_be_in`, but without taking the text apart."""
        if not value.isascii():
            return True
        first = _WORD_OF.search(value)
        return first is not None and first.group().encode() in text

    @staticmethod
    def _may_be_in(value: str, words: frozenset[bytes], whole: str) -> bool:
        if not value.isascii():
            return value in whole
        first = _WORD_OF.search(value)
        return first is not None and first.group().encode() in words

    @property
    def is_live(self) -> bool:
        """Whether any value may be in the data that was last asked about."""
        return bool(self._live)

    def spans(self, text: str) -> list[Span]:
        """Where they stand in a text, as whole words."""
        low = folded(text)
        return [span for value in self._live for span in self._occurrences(value, low, text)]

    def action(self, entity: str, text: str) -> Action | None:
        """The action on a value that was found by its text."""
        known = self._values.get(folded(text)) if self._values else None
        return known[1] if known is not None and known[0] == entity else None

    def _occurrences(self, value: str, low: str, text: str) -> Iterable[Span]:
        start = low.find(value)
        while start >= 0:
            end = start + len(value)
            if _is_whole(value, low, start, end) and not _EVERYDAY.fullmatch(text[start:end]):
                yield Span(self._values[value][0], start, end)
            start = low.find(value, end)


def _is_whole(value: str, low: str, start: int, end: int) -> bool:
    """Not inside a word or an id. Scripts without spaces have no such borders."""
    if not value.isascii():
        return True
    before, after = low[start - 1 : start] if start else "", low[end : end + 1]
    return not any(c.isascii() and (c.isalnum() or c == "_") for c in (before, after) if c)
