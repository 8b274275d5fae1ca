"""What every recogniser is: a necessary condition that is cheap, and a finder that verifies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, AnyStr, NamedTuple

import re2

_MEMORY = 64 << 20  # bytes


class Span(NamedTuple):
    """Personal data at `data[start:end]`. Offsets count bytes or characters as the maker says."""

    entity: str
    start: int
    end: int


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
    find: Callable[[bytes], Sequence[Span]]


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


_DISTRACTOR = pattern(
    r"(?i)order|#|ticket|case|ref|invoice|tracking|parcel|sku|amount|[$€£]|\bid\b"
)


def is_about_something_else(filler: bytes) -> bool:
    """Whether the words between a context word and a number say that it is another number."""
    return _DISTRACTOR.search(filler) is not None
