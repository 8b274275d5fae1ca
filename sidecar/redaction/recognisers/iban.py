"""International bank account numbers: the country's length and the check digits (ISO 13616)."""

from __future__ import annotations

import re
from typing import Any

from sidecar.redaction.recogniser import Budget, Recogniser, Span, is_digit, is_letter, pattern

# Characters of a whole number by country, as the registry of ISO 13616 gives them. Of the first
# group all are digits behind the country, which keeps the gate from hitting hexadecimal ids.
_DIGITS_ALONE = {
    "AE": 23, "AT": 20, "BA": 20, "BE": 16, "CR": 22, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FO": 18, "GL": 18, "HR": 21, "HU": 28, "IL": 23, "IS": 26, "LT": 20,
    "LY": 25, "ME": 22, "MR": 27, "NO": 15, "PL": 28, "PT": 25, "RS": 22, "SE": 24, "SI": 19,
    "SK": 24, "TL": 23, "TN": 24, "XK": 20,
}  # fmt: skip
_ANDORRA = {"AD": 24}  # eight digits first
_MIXED = {
    "AL": 28, "AZ": 28, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21,
    "CY": 28, "DJ": 27, "DO": 28, "EG": 29, "FK": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GR": 27, "GT": 28, "HN": 28, "IE": 22, "IQ": 23, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "MK": 19, "MN": 20,
    "MT": 31, "MU": 30, "NI": 28, "NL": 18, "OM": 23, "PK": 24, "PS": 29, "QA": 29, "RO": 24,
    "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TR": 26,
    "UA": 29, "VA": 22, "VG": 24, "YE": 30,
}  # fmt: skip
_LENGTHS = {country.encode(): n for country, n in (_DIGITS_ALONE | _ANDORRA | _MIXED).items()}

_S = r"[\s.\-]{0,3}"
_LEAST = 11
"""Characters behind the check digits of the shortest number."""


def _shape(countries: dict[str, int], kinds: str, least: int) -> str:
    upper = "|".join(sorted(countries))
    lower = upper.lower()
    pairs = (upper, kinds.upper()), (lower, kinds.lower())
    return "|".join(rf"(?:{c})\d\d(?:{_S}[0-9{k}]){{{least}}}" for c, k in pairs)


GATE = "|".join(
    (_shape(_DIGITS_ALONE, "", _LEAST), _shape(_ANDORRA, "", 8), _shape(_MIXED, "a-z", _LEAST))
)
_START = pattern(GATE)
_REST = re.compile(rb"(?:[\s.\-]{0,3}[0-9A-Za-z]){15,33}")


def _characters(data: bytes, start: int) -> tuple[bytes, int]:
    """The number that begins at `start`, without separators, and its end; empty if too short."""
    length = _LENGTHS[data[start : start + 2].upper()]
    m = _REST.match(data, start)
    if m is None:
        return b"", 0
    number = bytearray()
    for place in range(start, m.end()):
        if data[place : place + 1].isalnum():
            number.append(data[place])
            if len(number) == length:
                return bytes(number).upper(), place + 1
    return b"", 0


def _has_check_digits(number: bytes) -> bool:
    """ISO 7064, MOD 97-10: the first four characters last, letters as 10 to 35."""
    return int("".join(str(int(chr(c), 36)) for c in number[4:] + number[:4])) % 97 == 1


def _is_glued(data: bytes, start: int, end: int) -> bool:
    """Part of a longer word or number; the word IBAN may stand right before it."""
    is_labelled = data[max(start - 4, 0) : start].lower() == b"iban"
    is_after = is_digit(data, start - 1) or (is_letter(data, start - 1) and not is_labelled)
    return is_after or is_digit(data, end) or is_letter(data, end)


def _judged(data: bytes, m: Any) -> Span | None:
    number, end = _characters(data, m.start())
    if not number or _is_glued(data, m.start(), end) or not _has_check_digits(number):
        return None
    return Span("IBAN", m.start(), end)


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    budget = budget or Budget()
    found: list[Span] = []
    position = 0
    while (m := _START.search(data, position)) is not None:
        budget.spend()
        span = _judged(data, m)
        if span is not None:
            found.append(span)
        position = span.end if span is not None else m.start() + 2
    return found


RECOGNISER = Recogniser(entity="IBAN", gate=GATE, find=_find)
