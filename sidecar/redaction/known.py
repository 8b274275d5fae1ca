"""Values masked by path, searched for in the rest of the same result: "Hi Jane" in a transcript.

One pass over a text's words: each is looked up as the first word of a value, and what begins
with it is compared by length, so many values cost hardly more than one.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from sidecar.errors import BackendFailed
from sidecar.model import Action
from sidecar.redaction.detect import unescaped
from sidecar.redaction.leaves import unscannable
from sidecar.redaction.recogniser import Span

SWEPT = frozenset({"NAME", "EMAIL", "PHONE", "ADDRESS"})
MAX_LIVE = 20_000
"""Values of one result that are looked for."""
MAX_COMPARED = 16_000_000
"""Characters compared in one result, and as many as `_TRY` for each try: 0.5 s at worst."""
_TRY = 32
_LEAST = 4
_FEW = 32
"""First words up to which each is looked for by itself first."""
# Given names that are everyday words: their lower-case forms stay.
_EVERYDAY = re.compile(
    r"april|august|bill|chase|christian|dean|destiny|drew|faith|frank|grace|grant|hope|hunter|"
    r"iris|jack|june|lane|mark|mercedes|miles|page|pearl|price|robin|rose|ruby|summer|victor|"
    r"will|young"
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_BREAKS = bytes(c if chr(c).isascii() and chr(c).isalnum() else 32 for c in range(256))
_WORD_OF = re.compile(r"[0-9a-z]+")
_INSIDE = frozenset(string.ascii_letters + string.digits + "_")
_FOREIGN = re.compile(r"[^\x00-\x7f]")

_Begun = dict[tuple[int, int], set[str]]
"""Values that share a first word, by (place of the word in the value, length of the value)."""


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
        self._by_word: dict[str, _Begun] = {}
        self._by_sign: dict[str, _Begun] = {}
        self._live: frozenset[str] = frozenset()
        self._is_foreign = False
        self._compared = 0

    def add(self, entity: str, action: Action, raw: str) -> None:
        """Remember a value that was masked by path, and of a name each part of four letters.

        A part has no pseudonym: many people have the same.
        """
        if entity not in SWEPT:
            return
        self._put(entity, action, raw.strip())
        if entity == "NAME":
            for part in _WORD.findall(raw):
                self._put(entity, "mask" if action == "pseudonym" else action, part)

    def _put(self, entity: str, action: Action, raw: str) -> None:
        value = folded(raw)
        if len(value) >= _LEAST and value not in self._values and self._is_indexed(value):
            self._values[value] = (entity, action)

    def _is_indexed(self, value: str) -> bool:
        """By the first word; a value of another script, as it has no words, by a first sign.

        Not if it has neither letter nor digit.
        """
        if value.isascii():
            by, first = self._by_word, _WORD_OF.search(value)
        else:
            by, first = self._by_sign, _FOREIGN.search(value)
            first = first if any(c.isalnum() for c in value) else None
        if first is None:
            return False
        begun = by.setdefault(first.group(), {})
        begun.setdefault((first.start(), len(value)), set()).add(value)
        return True

    def is_in(self, data: bytes) -> bool:
        """Whether serialised JSON may hold one. Those it may hold are looked for from now on.

        Raises:
            BackendFailed: with reason `unscannable`, for there are too many.
        """
        self._live, self._is_foreign = frozenset(), False
        if not self._values:
            return False
        text = unescaped(data).lower()
        if len(self._by_word) > _FEW or any(w.encode() in text for w in self._by_word):
            words = text.translate(_BREAKS).decode().split()
            self._live = frozenset(self._by_word.keys() & words)
        self._is_foreign = bool(self._by_sign) and any(self._signs(folded(text.decode())))
        self._check_live()
        return self.is_live

    def _check_live(self) -> None:
        begun = [self._by_word[word] for word in self._live]
        begun += self._by_sign.values() if self._is_foreign else ()
        if sum(len(values) for lengths in begun for values in lengths.values()) > MAX_LIVE:
            raise unscannable(BackendFailed, f"repeats more than {MAX_LIVE} names")

    @property
    def is_live(self) -> bool:
        """Whether any value may be in the data that was last asked about."""
        return bool(self._live) or self._is_foreign

    def spans(self, text: str) -> list[Span]:
        """Where they stand in a text, as whole words.

        Raises:
            BackendFailed: with reason `unscannable`, when too much was compared in this result.
        """
        low = folded(text)
        found = list(self._words(low)) if self._live else []
        if self._is_foreign and not low.isascii():
            found += self._signs(low)
        return [s for s in found if not _EVERYDAY.fullmatch(text[s.start : s.end])]

    def action(self, entity: str, text: str) -> Action | None:
        """The action on a value that was found by its text."""
        known = self._values.get(folded(text)) if self._values else None
        return known[1] if known is not None and known[0] == entity else None

    def _words(self, low: str) -> Iterator[Span]:
        for m in _WORD_OF.finditer(low):
            if m.group() in self._live:
                for span in self._begun(self._by_word[m.group()], low, m.start()):
                    if _is_whole(low, span.start, span.end):
                        yield span

    def _signs(self, low: str) -> Iterator[Span]:
        """Scripts without spaces have no borders."""
        for m in _FOREIGN.finditer(low):
            begun = self._by_sign.get(m.group())
            if begun is not None:
                yield from self._begun(begun, low, m.start())

    def _begun(self, begun: _Begun, low: str, place: int) -> Iterator[Span]:
        for (offset, length), values in begun.items():
            self._compared += _TRY + length
            if self._compared > MAX_COMPARED:
                raise unscannable(BackendFailed, "repeats too many names too often")
            start = place - offset
            value = low[start : start + length] if start >= 0 else ""
            if value in values:
                yield Span(self._values[value][0], start, start + length)


def _is_whole(low: str, start: int, end: int) -> bool:
    """Not inside a word or an id."""
    is_after_word = start > 0 and low[start - 1] in _INSIDE
    return not (is_after_word or (end < len(low) and low[end] in _INSIDE))
