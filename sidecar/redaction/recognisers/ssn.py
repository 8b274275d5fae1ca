"""United States social security numbers: separators or a word beside nine digits tell.

Which areas, groups and serials were never given out is published by the Social Security
Administration; no digit of a number checks the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.redaction.recogniser import (
    Budget,
    Recogniser,
    Span,
    is_about_something_else,
    is_digit,
    is_letter,
    is_part_of_longer,
    pattern,
)

_J = r"[ _\-.]{0,2}"
WORDS = (
    rf"(?:ssn|social{_J}sec(?:urity)?{_J}(?:number|num|no)?|soc{_J}sec|"
    rf"itin|taxpayer{_J}id(?:entification)?{_J}(?:number)?|"
    rf"(?:número|numero){_J}de{_J}seguro{_J}social|sozialversicherungsnummer)"
)
_GROUPED = pattern("|".join(rf"\d{{3}}{s}\d{{2}}{s}\d{{4}}" for s in ("-", r"\s{1,3}", r"\.", "/")))
_NAMED = pattern(
    rf"(?i:({WORDS}))(?:{_J}(?i:number|no\.?|#))?[\"\s:=\[]*[^\d\"\x00]{{0,16}}"
    r"(\d{3}[\s.\-/]{0,3}\d{2}[\s.\-/]{0,3}\d{4})"
)


def _is_given(number: bytes, *, is_named: bool) -> bool:
    """Whether such a number can have been given out; areas from 900 on are taxpayers' numbers."""
    digits = bytes(byte for byte in number if 48 <= byte <= 57)  # noqa: PLR2004 - 0 to 9
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in (b"000", b"666") or group == b"00" or serial == b"0000":
        return False
    return is_named or area < b"900"


def _named(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _NAMED.finditer(data):
        budget.spend()
        (word, after), (start, end) = m.span(1), m.span(2)
        if is_letter(data, word - 1) or is_letter(data, after) or is_digit(data, end):
            continue
        if is_about_something_else(data[after:start].replace(b"#", b"")):
            continue
        if _is_given(m.group(2), is_named=True):
            yield Span("SSN", start, end)


def _grouped(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _GROUPED.finditer(data):
        budget.spend()
        if not is_part_of_longer(data, *m.span()) and _is_given(m.group(), is_named=False):
            yield Span("SSN", *m.span())


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    budget = budget or Budget()
    named = list(_named(data, budget))
    starts = {span.start for span in named}
    return named + [span for span in _grouped(data, budget) if span.start not in starts]


RECOGNISER = Recogniser(
    entity="SSN",
    gate=r"\d{3}(?:-\d{2}-|\s{1,3}\d{2}\s{1,3}|\.\d{2}\.|/\d{2}/)\d{4}|"
    rf"(?i:{WORDS})[\w\- #.]{{0,20}}[\"\s:=\[]*[^\d\"\x00]{{0,24}}\d{{3}}[\s.\-/]{{0,3}}\d{{2}}|"
    rf"(?i:{WORDS})[\w\-]{{0,20}}\"\s*:\s*\[\s*[\"\d]",
    find=_find,
)
