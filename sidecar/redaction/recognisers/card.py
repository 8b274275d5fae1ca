"""Payment card numbers: the issuer's prefix and length, and the check digit (ISO/IEC 7812-1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sidecar.redaction.recogniser import (
    Budget,
    Recogniser,
    Span,
    is_digit,
    is_in_id,
    is_letter,
    pattern,
)

_LEAST, _USUAL, _MOST = 13, 16, 19
_SEPARATOR = r"[\s.\-_/]"
_RUN = pattern(rf"\d(?:{_SEPARATOR}{{0,2}}\d){{12,255}}")
_GROUP = re.compile(rb"[0-9]+")
_FIRST = b"23456"  # of every issuer below
_OVERLAP = 64  # bytes: more than 19 digits with two separators after each

# (first prefix, last prefix, lengths), by the issuers' published ranges.
_ISSUERS: tuple[tuple[int, int, range], ...] = (
    (4, 4, range(13, 20, 3)),  # Visa
    (51, 55, range(16, 17)),  # Mastercard
    (2221, 2720, range(16, 17)),  # Mastercard, 2-series
    (34, 34, range(15, 16)),  # American Express
    (37, 37, range(15, 16)),
    (300, 305, range(14, 20)),  # Diners Club
    (36, 36, range(14, 20)),
    (38, 39, range(14, 20)),
    (3528, 3589, range(16, 20)),  # JCB
    (60, 69, range(16, 20)),  # Discover, UnionPay, RuPay, Maestro
    (50, 50, range(16, 20)),  # Maestro
    (56, 58, range(16, 20)),
)


def _has_issuer(digits: bytes) -> bool:
    return any(
        len(digits) in lengths and first <= int(digits[: len(str(first))]) <= last
        for first, last, lengths in _ISSUERS
    )


def _has_check_digit(digits: bytes) -> bool:
    """The Luhn formula."""
    total = 0
    for place, byte in enumerate(reversed(digits)):
        digit = (byte - 48) << (place & 1)
        total += digit - 9 if digit > 9 else digit  # noqa: PLR2004 - casting out nines
    return total % 10 == 0


def is_number(digits: bytes) -> bool:
    """Whether ASCII digits are a card number as people write it in groups."""
    return _is_card(digits, is_grouped=True)


def _is_card(digits: bytes, *, is_grouped: bool) -> bool:
    # A bare run of thirteen is an EAN far more often than a Visa card of the eighties.
    if len(digits) == _LEAST and not is_grouped:
        return False
    return len(set(digits)) > 1 and _has_issuer(digits) and _has_check_digit(digits)


def _windows(groups: list[tuple[int, int]], first: int) -> Iterator[int]:
    """Ends of the runs of whole groups from `first` on that are as long as a card, longest first.

    Whole groups only: nothing is found inside a longer number.
    """
    total = 0
    fitting = []
    for index in range(first, len(groups)):
        start, end = groups[index]
        total += end - start
        if total > _MOST:
            break
        if total >= _LEAST:
            fitting.append(index)
    return reversed(fitting)


def _is_decimal(data: bytes, groups: list[tuple[int, int]], first: int, last: int) -> bool:
    """Whether it is a number with a fraction, or the fraction itself: 6.276767335663405."""
    start, end = groups[first][0], groups[first][1]
    is_fraction = data[start - 1 : start] == b"." and is_digit(data, start - 2)
    is_whole = last == first + 1 and data[end : groups[last][0]] == b"."
    return (is_fraction and first == last) or is_whole


def _is_of_an_id(data: bytes, start: int, end: int, *, is_grouped: bool) -> bool:
    """Whether digits belong to a hexadecimal id, or are a parcel's, many and glued to letters."""
    if is_in_id(data, start, end):
        return True
    is_long = end - start > _USUAL and not is_grouped
    return is_long and (is_letter(data, start - 1) or is_letter(data, end))


def _in_run(data: bytes, groups: list[tuple[int, int]], budget: Budget) -> Iterator[Span]:
    index = 0
    while index < len(groups):
        can_begin = data[groups[index][0]] in _FIRST
        for last in _windows(groups, index) if can_begin else ():
            budget.spend()
            digits = b"".join(data[a:b] for a, b in groups[index : last + 1])
            if _is_decimal(data, groups, index, last):
                continue
            place = groups[index][0], groups[last][1]
            is_card = _is_card(digits, is_grouped=last > index)
            if is_card and not _is_of_an_id(data, *place, is_grouped=last > index):
                yield Span("CARD", *place)
                index = last
                break
        index += 1


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    budget = budget or Budget()
    found: list[Span] = []
    position = 0
    while (run := _RUN.search(data, position)) is not None:
        start, end = run.span()
        # The pattern is bounded: a card on the border of two matches is in the overlap.
        is_cut = is_digit(data, end) or end - start > 256  # noqa: PLR2004 - the bound of the pattern
        while is_digit(data, start - 1) and run.start() - start <= _MOST:
            start -= 1  # so far that the group is seen to be too long
        rest = _GROUP.match(data, end)
        end = end if rest is None else rest.end()
        found += _in_run(data, [m.span() for m in _GROUP.finditer(data, start, end)], budget)
        position = max(position + 1, end - _OVERLAP) if is_cut and end < len(data) else end
    return found


RECOGNISER = Recogniser(entity="CARD", gate=rf"[2-6](?:{_SEPARATOR}{{0,2}}\d){{12}}", find=_find)
