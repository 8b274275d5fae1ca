"""What every recogniser is: a necessary condition that is cheap, and a finder that verifies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, AnyStr, NamedTuple, Protocol

import re2

MAX_JUDGED = 10_000
"""Candidates that are verified in one result or one message's arguments: 0.3 s at worst, for a
numbering plan takes 20 to 30 µs to answer."""
_MEMORY = 64 << 20  # bytes


class Span(NamedTuple):
    """Personal data at `data[start:end]`. Offsets count bytes or characters as the maker says.

    `is_whole` says that the text has a candidate, and nobody verified which part of it is one.
    """

    entity: str
    start: int
    end: int
    is_whole: bool = False


class Exhausted(Exception):
    """As many candidates were verified as may be. Never leaves `detect`."""


class Budget:
    """How many candidates may still be verified. One for a result, so that leaves share it."""

    def __init__(self, left: int = MAX_JUDGED) -> None:
        self._left = left

    def spend(self, count: int = 1) -> None:
        """Count candidates before they are verified.

        Raises:
            Exhausted: there are too many; from then on always, so nothing more is verified.
        """
        self._left -= count
        if self._left < 0:
            raise Exhausted


class Find(Protocol):
    """Verified spans in UTF-8, in bytes. Raises Exhausted when the budget is spent."""

    def __call__(self, data: bytes, budget: Budget | None = None, /) -> Sequence[Span]:
        """Look at one text. Without a budget the text has one of its own."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """One kind of personal data.

    `gate` is a pattern that matches wherever `find` could find something, in a leaf's text as
    well as in the serialised document around it. It has neither anchors, nor word boundaries
    (they fail beside letters of scripts without spaces), nor groups, and never matches a NUL,
    with which leaves are joined. `find` gets UTF-8 and yields spans in bytes, each verified by
    more than its looks wherever the data allows.
    """

    entity: str
    gate: str
    find: Find


def pattern(text: str) -> Any:
    """Compile with RE2, whose time is linear in the text whatever the pattern or the text.

    The memory is for the automaton of a gate; a pattern that needs less takes less. RE2's own log
    would go to stderr, past every formatter of ours.
    """
    return re2.compile(text, _options())


def patterns(texts: Iterable[str]) -> Any:
    """Compile several with RE2, to be asked at once by `Match` which of them match."""
    several = re2.Set.SearchSet(_options())
    for text in texts:
        several.Add(text)
    several.Compile()
    return several


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options


def blanked(text: AnyStr, spans: Sequence[Span], nul: AnyStr) -> AnyStr:
    """The text with spans (sorted, apart) filled with NUL, which no pattern crosses."""
    pieces: list[AnyStr] = []
    position = 0
    for span in spans:
        pieces += (text[position : span.start], nul * (span.end - span.start))
        position = span.end
    pieces.append(text[position:])
    return nul[:0].join(pieces)


def is_letter(data: bytes, index: int) -> bool:
    """Whether an ASCII letter stands there; outside of the data nothing does."""
    return 0 <= index < len(data) and data[index : index + 1].isalpha()


def is_digit(data: bytes, index: int) -> bool:
    """Whether an ASCII digit stands there; outside of the data nothing does."""
    return 0 <= index < len(data) and data[index : index + 1].isdigit()


def is_part_of_longer(data: bytes, start: int, end: int) -> bool:
    """Digits glued on either side, directly or by a hyphen or dot: 302-5556789-1234567."""
    before = start - 1 - (data[start - 1 : start] in (b"-", b"."))
    after = end + (data[end : end + 1] in (b"-", b"."))
    return is_digit(data, before) or is_digit(data, after)


_HEX = re.compile(rb"[0-9a-f\-]*")
_ID = re.compile(
    rb"[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|"
    rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
)
_AROUND = 65  # bytes: one more than the longest of them


def is_in_id(data: bytes, start: int, end: int) -> bool:
    """Whether what stands there is a part of a hexadecimal id, a UUID or a digest.

    The rest of the id must have a letter: digits in the shape of an id are still digits.
    """
    before = _HEX.match(data[max(start - _AROUND, 0) : start][::-1])
    after = _HEX.match(data, end, end + _AROUND)
    first = start - before.end() if before else start
    last = after.end() if after else end
    rest = data[first:start] + data[end:last]
    return not rest.replace(b"-", b"0").isdigit() and _ID.fullmatch(data, first, last) is not None


_DISTRACTOR = pattern(
    r"(?i)order|#|ticket|case|ref|invoice|tracking|parcel|sku|amount|[$€£]|\bid\b"
)


def is_about_something_else(filler: bytes) -> bool:
    """Whether the words between a context word and a number say that it is another number."""
    return _DISTRACTOR.search(filler) is not None
