"""What a person may have meant by a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_FEW = 12


def meant(word: str, known: Iterable[str]) -> str:
    """A remedy: the known word that is close, else all of them when they are few, else nothing."""
    words = {known_word.casefold(): known_word for known_word in sorted(known)}
    close = difflib.get_close_matches(word.casefold(), words, n=1)
    if close:
        return f"did you mean {words[close[0]]}?"
    return f"one of: {', '.join(words.values())}" if 0 < len(words) <= _FEW else ""
