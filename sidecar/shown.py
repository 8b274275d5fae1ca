"""A stranger's text on a terminal: what it would do there is made visible, and its length bounded.

A backend chooses the names of its tools, and whoever answers at an address chooses what it says; a
terminal obeys escapes in either, and a line end would let them write lines of ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence


def shown(text: str, longest: int = 200) -> str:
    """One line of printable characters: every other as its escape, and the rest cut off."""
    cut = text if len(text) <= longest else f"{text[:longest]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def as_json(value: object, indent: int | None = None) -> str:
    """A document in printable ASCII; every other character is the escape that JSON has for it.

    Reads back as it was; a set is a sorted list. Raises TypeError for what JSON cannot hold.
    """
    between = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, indent=indent, separators=between, default=sorted)
    return text.replace("\x7f", "\\u007f")  # the one control that JSON may leave as it is


def listed(names: Sequence[str], most: int = 50, between: str = " ") -> str:
    """The first names of a list, and how many more there are."""
    rest = len(names) - most
    text = between.join(shown(name, 128) for name in names[:most])
    return f"{text} and {rest} more" if rest > 0 else text
