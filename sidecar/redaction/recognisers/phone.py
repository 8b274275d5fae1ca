"""Telephone numbers, verified against every country's numbering plan (ITU-T E.164).

Three shapes are looked at: international with `+` or `00`, North American with separators, and
any digits beside a word that says telephone. A bare run of ten digits is an order number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import phonenumbers

from sidecar.redaction.recogniser import (
    Budget,
    Recogniser,
    Span,
    blanked,
    is_about_something_else,
    is_digit,
    is_in_id,
    is_letter,
    is_part_of_longer,
    pattern,
)

WORDS = (
    r"(?:telephone|telefono|teléfono|téléphone|tél|telefone|telefon|phone|tel|mobile|móvil|mobil|"
    r"cellular|celular|cell|handy|fax|sms|whatsapp|callback|call|dial|reach me|text me|"
    r"(?:my|contact|your|his|her) number|numéro|número|rufnummer|電話|电话|手机|携帯)"
)
_SHORT = 4  # letters: a word this short counts only where no letter is glued to it (ho-tel)

_S = r"[\s.\-/()]"
_DIGITS = rf"\d(?:{_S}{{0,3}}\d){{6,14}}"
_EXTENSION = r"(?: ?(?i:ext\.?|x) ?\d{1,6})?"
_PLUS = rf"\+[ (]{{0,2}}[1-9](?:{_S}{{0,3}}\d){{6,14}}"
_ZEROS = rf"00{_S}{{0,2}}[1-9]\d{{0,2}}{_S}{{1,3}}\d(?:{_S}{{0,3}}\d){{5,11}}"
_S3 = r"[\s.\-/]{1,3}"
_AMERICAN = rf"(?:\([2-9]\d\d\)[\s.\-/]{{0,3}}|[2-9]\d\d{_S3})[2-9]\d\d[\s.\-/]{{0,3}}\d{{4}}"
_AFTER = (
    r"[ ,;)\-]{0,3}(?i:is|was|ist) (?i:my|the|his|her|our|your) [a-zA-Z ]{0,12}"
    r"(?i:phone|cell|mobile|number|tel)"
)
_BETWEEN = r"[A-Za-z_\-]{0,40}[\"\s:=\[]*"

_INTERNATIONAL = pattern(rf"{_PLUS}|{_ZEROS}")
_NATIONAL = pattern(rf"(?:1[ .\-])?{_AMERICAN}{_EXTENSION}")
_CONTEXT = pattern(rf"((?i:{WORDS})){_BETWEEN}[^\d\"\x00]{{0,16}}\+?\(?({_DIGITS})")
_SUFFIX = pattern(rf"({_DIGITS}){_AFTER}")
_GROUP = re.compile(rb"[0-9]{1,15}")  # quicker than RE2 where so little is to be said
_OTHERS = bytes(byte for byte in range(256) if not 48 <= byte <= 57)  # noqa: PLR2004 - 0 to 9

_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "AU", "IN", "BR", "MX", "JP")
"""Whose national formats count beside a word that says telephone."""
_LEAST = 7
_PLUS_SIGN = ord("+")


@lru_cache(maxsize=4096)
def _is_valid(number: str, region: str) -> bool:
    """Whether the numbering plan knows it. The cache is memory of this process alone."""
    try:
        parsed = phonenumbers.parse(" ".join(number.split()), region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed)


def is_number(number: str) -> bool:
    """Whether a numbering plan knows it: with a plus any country's, else North America's."""
    return _is_valid(number, "US")


def _ends(data: bytes, start: int, end: int) -> list[int]:
    """Where the number may end: after each group of digits, the longest first, at most four.

    "+1 415 555 2671 2 items" ends before the lonely 2.
    """
    ends: list[int] = []
    count = 0
    for m in _GROUP.finditer(data, start, end):
        first, last = m.span()
        count += last - first
        if count >= _LEAST and not is_digit(data, last):
            ends.append(last)
    return ends[:-5:-1]


def _each(
    candidate: Any, data: bytes, judge: Callable[[Any], Span | None], budget: Budget
) -> Iterator[Span]:
    """Every candidate that is a number; behind a bad one, look again after its first digits."""
    position = 0
    while len(data) - position >= _LEAST:
        m = candidate.search(data, position)
        if m is None:
            return
        budget.spend()
        span = judge(m)
        if span is not None:
            yield span
            position = span.end
        else:
            position = _after_first_digits(data, m.start(), m.end())


def _after_first_digits(data: bytes, start: int, end: int) -> int:
    m = _GROUP.search(data, start, end)
    return end if m is None else int(m.end())


def _international(data: bytes, budget: Budget) -> Iterator[Span]:
    def judge(m: Any) -> Span | None:
        start, end = m.span()
        has_plus = data[start] == _PLUS_SIGN
        if not has_plus and is_digit(data, start - 1):
            return None
        for stop in _ends(data, start, end):
            number = data[start:stop].decode()
            budget.spend()
            if _is_valid(number if has_plus else f"+{number[2:]}", "US"):
                return Span("PHONE", start, stop)
        return None

    return _each(_INTERNATIONAL, data, judge, budget)


def _national(data: bytes, budget: Budget) -> Iterator[Span]:
    def judge(m: Any) -> Span | None:
        if is_part_of_longer(data, *m.span()) or is_in_id(data, *m.span()):
            return None
        if not _is_valid(m.group().decode(), "US"):
            return None
        return Span("PHONE", *m.span())

    return _each(_NATIONAL, data, judge, budget)


def _in_any_region(number: str, budget: Budget) -> bool:
    for region in _REGIONS:
        budget.spend()
        if _is_valid(number, region):
            return True
    return False


def _beside(data: bytes, start: int, end: int, budget: Budget) -> Span | None:
    if is_digit(data, start - 1):
        return None
    for stop in _ends(data, start, end):
        if _in_any_region(data[start:stop].decode(), budget):
            return Span("PHONE", start, stop)
    return None


def _after_word(data: bytes, budget: Budget) -> Iterator[Span]:
    def judge(m: Any) -> Span | None:
        (word, end_of_word), (start, end) = m.span(1), m.span(2)
        is_short = end_of_word - word <= _SHORT and is_letter(data, word)
        if is_short and is_letter(data, word - 1):
            return None
        if is_about_something_else(data[end_of_word:start]):
            return None
        return _beside(data, start, end, budget)

    return _each(_CONTEXT, data, judge, budget)


def _before_word(data: bytes, budget: Budget) -> Iterator[Span]:
    return _each(_SUFFIX, data, lambda m: _beside(data, m.start(1), m.end(1), budget), budget)


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    budget = budget or Budget()
    found = list(_international(data, budget)) if b"+" in data or b"00" in data else []
    data = blanked(data, found, b"\x00") if found else data
    if len(data.translate(None, _OTHERS)) < _LEAST:
        return found  # no shape has fewer digits
    national = list(_national(data, budget))
    data = blanked(data, national, b"\x00") if national else data
    found += national
    found += _after_word(data, budget)
    if b"s " in data or b"t " in data:  # is, was, ist
        found += _before_word(data, budget)
    return found


RECOGNISER = Recogniser(
    entity="PHONE",
    gate=rf"{_PLUS}|{_ZEROS}|{_AMERICAN}|"
    rf"(?i:{WORDS}){_BETWEEN}[^\d\"\x00]{{0,24}}\+?\(?\d(?:{_S}{{0,3}}\d){{6}}|\d{_AFTER}|"
    rf"(?i:{WORDS})[\w\-]{{0,40}}\"\s*:\s*\[\s*[\"\d]",
    find=_find,
)
