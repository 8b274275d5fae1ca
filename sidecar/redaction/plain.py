"""Text as a reader sees it: without escapes, other scripts' digits and invisible characters.

Character by character, so that every place in the plain text has its place in the original and
the original's span is cut. Composition across characters is none of our business.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Sequence
from functools import lru_cache

from sidecar.redaction.recogniser import pattern

# The first class is: neither ASCII nor anything but a decimal digit.
_ODD = pattern(
    r"[^\x{00}-\x{7f}\P{Nd}]|[\x{a0}\x{ad}\x{34f}\x{61c}\x{180e}\x{2000}-\x{2015}\x{2024}\x{202a}-\x{202f}\x{205f}-\x{206f}"
    r"\x{207a}\x{2212}\x{2460}-\x{24ff}\x{3000}\x{fe00}-\x{fe0f}\x{fe50}-\x{fe6f}\x{feff}"
    r"\x{ff01}-\x{ff5e}\x{1d400}-\x{1d7ff}\x{1f100}-\x{1f10a}\x{e0000}-\x{e007f}\x{b2}\x{b3}\x{b9}"
    r"\x{2070}-\x{2079}\x{2080}-\x{2089}]"
)


def is_odd(data: bytes) -> bool:
    """Whether UTF-8 text holds a character that a reader may take for another, or for nothing."""
    return not data.isascii() and _ODD.search(data) is not None


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    """What one character beyond ASCII reads as: ASCII, nothing, or itself."""
    category = unicodedata.category(char)
    if category in {"Cf", "Mn"}:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    if category == "Zs":
        return " "
    folded = unicodedata.normalize("NFKC", char)
    return folded if folded.isascii() else char


_ESCAPE = re.compile(r"\\+([nrt]?)")
_STRANGE = re.compile(r"[^\x00-\x7f]+")
_NOTABLE = re.compile(r"\\+([nrt]?)|[^\x00-\x7f]+")


class _Folded(dict[int, str]):
    """For `str.translate`, which is quicker than a loop; no more entries than Unicode has."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        return char if char.isascii() else _plain(char)


_FOLDED = _Folded()


def readable(text: str) -> str:
    """The plain text alone."""
    text = _ESCAPE.sub(lambda m: " " * len(m[1]), text) if "\\" in text else text
    return text if text.isascii() else _STRANGE.sub(lambda m: m[0].translate(_FOLDED), text)


def plain(text: str) -> tuple[str, Sequence[int]]:
    """The plain text, and for each of its characters (and its end) the index in the original."""
    places = array("L")
    position = 0
    for m in _NOTABLE.finditer(text):
        start, end = m.span()
        places.extend(range(position, start))
        if m[1] is None:
            for index in range(start, end):
                places.extend([index] * len(_plain(text[index])))
        elif m[1]:
            places.append(end - 1)
        position = end
    places.extend(range(position, len(text) + 1))
    return readable(text), places
