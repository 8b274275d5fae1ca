r"""Escapes of a text undone: percent signs, HTML entities, `\u0040`; runs of base64 or hex.

The gates are made for what is worth undoing: `%20` between words is not, nor is an id of letters
that no ASCII text encodes to. In base64 of ASCII the first character of four is one of 32, the
second one of 32, the third one of 32; a random id has four such groups one time in forty thousand.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from sidecar.redaction.reading import Step
from sidecar.redaction.recogniser import pattern

_PERCENT_GATE = r"%(?:25|2[Bb]|40|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])|(?:%2[0189BbDdEe])+\(?\d\d"
_NAMES = "commat|period|plus|lpar|rpar|hyphen|dash|lowbar|nbsp|shy|zwnj|zwj|ensp|emsp|thinsp"
_ENTITY_GATE = (
    rf"&#[xX]?[0-9A-Fa-f]{{2,7}};|&(?:commat|period|plus|lpar);|\d&(?:{_NAMES});|"
    r"&amp;#|&amp;commat"
)
_BACKSLASH_GATE = r"\\+[uUxX][0-9A-Fa-f{]"

_FIRST, _SECOND = "[I-Za-f]", "[C-HS-Xi-ny-z0-3]"
_THIRD, _FOURTH = "[ABEFIJMNQRUVYZcdghklopstwx014589]", r"[A-Za-z0-9+/_\-]"
_FOUR = _FIRST + _SECOND + _THIRD + _FOURTH
_BASE64 = (
    rf"(?:{_FOUR}){{4}}|(?:{_FOUR}){{3}}{_FIRST}(?:{_SECOND}{_THIRD}?)?(?:[^A-Za-z0-9+/_\-]|\z)"
)
_HEX = r"(?:[2-7][0-9A-Fa-f]){11}"
GATE = f"{_PERCENT_GATE}|{_ENTITY_GATE}|{_BASE64}|{_HEX}"
"""Matches wherever undoing may show something; for text whose backslashes are told apart."""
_ESCAPED = pattern(f"{_PERCENT_GATE}|{_ENTITY_GATE}|{_BACKSLASH_GATE}")
_RUNS = pattern(f"{_BASE64}|{_HEX}")

_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_\-]{14,}={0,2}")
_BASE64_START = re.compile(_BASE64.replace(r"\z", r"\Z"))
_HEX_RUN = re.compile(r"(?:[0-9A-Fa-f]{2}){11,}")
_HEAD = 1024
"""Characters of a run by which it is known for text; a picture is not decoded further."""
_READABLE = 0.9


def is_escaped(data: bytes) -> bool:
    """Whether undoing escapes may change anything that matters."""
    return _ESCAPED.search(data) is not None


def has_run(data: bytes) -> bool:
    """Whether there may be base64 or hex that encodes text."""
    return _RUNS.search(data) is not None


def _percent(m: re.Match[str]) -> str:
    return bytes.fromhex(m[0].replace("%", "")).decode("utf-8", "replace")


def _character(m: re.Match[str]) -> str:
    code = int(m[1] or m[2] or m[3], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else " "  # noqa: PLR2004


_PERCENT = Step(re.compile(r"(?:%[0-9A-Fa-f]{2})+"), _percent)
_ENTITY = Step(
    re.compile(r"&(?:#[xX]?[0-9A-Fa-f]{1,7}|[A-Za-z]{2,8});"),
    lambda m: html.unescape(m[0]),
)
_BACKSLASH = Step(
    re.compile(r"\\+(?:u([0-9A-Fa-f]{4})|[uUx]\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2}))"),
    _character,
)
STEPS: tuple[Step, ...] = (_BACKSLASH, _ENTITY, _ENTITY, _PERCENT, _PERCENT, _PERCENT)
"""Twice and thrice, for what was escaped is escaped again on its way."""


class Run(NamedTuple):
    """A run of base64 or hex in a text, with what it says."""

    start: int
    end: int
    text: str


def runs(text: str) -> Iterator[Run]:
    """Every run that decodes to text, in order of their kinds."""
    for m in _HEX_RUN.finditer(text):
        if _is_text(bytes.fromhex(m[0][:_HEAD])):
            yield Run(m.start(), m.end(), bytes.fromhex(m[0]).decode("utf-8", "replace"))
    for m in _BASE64_RUN.finditer(text):
        start = _BASE64_START.search(m[0])
        # What stands glued before it does not move the groups of four by which it was written.
        raw = m[0][start.start() % 4 :].rstrip("=").translate(_STANDARD) if start else ""
        if raw and _is_text(_decoded(raw[:_HEAD])):
            yield Run(m.start(), m.end(), _decoded(raw).decode("utf-8", "replace"))


_STANDARD = str.maketrans("-_", "+/")


def _decoded(raw: str) -> bytes:
    """Base64 without its padding; a lone last character says nothing."""
    raw = raw[: len(raw) - (len(raw) % 4 == 1)]
    return base64.b64decode(raw + "=" * (-len(raw) % 4))


def _is_text(data: bytes) -> bool:
    said = data.decode("utf-8", "replace")
    readable = sum(c.isprintable() or c.isspace() for c in said) - said.count("\ufffd")
    return readable >= _READABLE * len(said)
