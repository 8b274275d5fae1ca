"""How the demo speaks: headings, sentences, two columns, and a tick or a cross."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

_MARGIN = "   "


def heading(number: int, title: str, text: str) -> None:
    """Open a scene."""
    print(f"\n── {number}. {title} {'─' * max(0, 74 - len(title))}")
    say(text)


def say(text: str) -> None:
    """Say a sentence, wrapped."""
    print(textwrap.fill(text, width(), initial_indent=_MARGIN, subsequent_indent=_MARGIN))


def detail(label: str, text: str) -> None:
    """Show one labelled thing."""
    indent = _MARGIN + " " * 18
    lead = f"{_MARGIN}  {label:<16}"
    print(textwrap.fill(text, width(), initial_indent=lead, subsequent_indent=indent))


def check(claim: str, *, holds: bool) -> bool:
    """Show whether a claim of the scene holds, and give it back."""
    print(f"{_MARGIN}{'✓' if holds else '✗ NOT SO:'} {claim}")
    return holds


def side_by_side(sent: Any, seen: Any, limit: int = 14) -> None:
    """Show the leaves of what Gladly sent beside what the agent saw; those that differ first."""
    left, right = dict(leaves(sent)), dict(leaves(seen))
    pointers = sorted(left, key=lambda p: (left[p] == right.get(p), list(left).index(p)))
    column = (width() - 34) // 2
    print(f"{_MARGIN}  {'':<28}{'Gladly sent':<{column}}  the agent saw")
    for pointer in pointers[:limit]:
        was, now = _cut(left[pointer], column), _cut(right.get(pointer, "(not there)"), column)
        mark = " " if was == now else "≠"
        print(f"{_MARGIN}{mark} {_cut(pointer, 27):<28}{was:<{column}}  {now}")
    if len(pointers) > limit:
        print(f"{_MARGIN}  … and {len(pointers) - limit} more")


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Give every leaf of a JSON value with its pointer."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{pointer}/{index}")
    else:
        yield pointer, "null" if value is None else str(value)


def width() -> int:
    """Columns to use, between 90 and 140."""
    return max(90, min(140, shutil.get_terminal_size((110, 24)).columns))


def _cut(text: str, column: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= column else f"{text[: column - 1]}…"
