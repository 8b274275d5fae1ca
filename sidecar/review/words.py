"""How answers stand on a screen: places of rules, and long lists on several lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WIDTH: Final = 100
"""Columns of an answer."""


def place(where: str) -> str:
    """A file and line as they are shown: from here on, if the file lies here."""
    file, _, line = where.rpartition(":")
    path = Path(file)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}"


def wrapped(text: str, indent: int) -> Iterator[str]:
    """A text on as many lines as it needs, each begun by so many spaces."""
    margin = " " * indent
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
