"""Numbers whose pieces are members of one object, items of one list, or one member of each item.

Each piece is a string of digits alone and means nothing by itself; in a row they are a card number
with a valid check digit or a telephone number. Each of them is then personal as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sidecar.redaction.leaves import Leaf, Link
from sidecar.redaction.recogniser import Span, is_about_something_else
from sidecar.redaction.recognisers import card, phone

_PIECE = re.compile(r"[+(]{0,2}\d[\d \-.()]{0,18}")
_BEGINS = frozenset("+(0123456789")
_LONGEST = 21
_NAMES = 2
"""Names above a piece that may say that it is an order's number or the like."""
_MOST = 5
"""Pieces of one number."""
_CARD = range(14, 20)
_LONGEST_PHONE = 15  # digits (E.164)
_PHONES = frozenset({(3, 3, 4), (3, 7), (6, 4), (1, 3, 3, 4), (1, 3, 7)})
"""Digits in each piece of a North American number; another country's begins with a plus."""


def pieces(found: Sequence[Leaf]) -> dict[int, Span]:
    """The leaves, by their index, that are pieces of a number; each is taken whole."""
    candidates = [
        index
        for index, (_, _, text, *_) in enumerate(found)
        if text[:1] in _BEGINS and len(text) <= _LONGEST and _is_piece(found[index])
    ]
    if len(candidates) < 2:  # noqa: PLR2004 - one piece is a number of its own
        return {}
    out: dict[int, Span] = {}
    for row in _rows(found, candidates):
        start = 0
        while start < len(row):
            count, entity = _number([found[index].text for index in row[start : start + _MOST]])
            for index in row[start : start + count]:
                out[index] = Span(entity, 0, len(found[index].text), is_whole=True)
            start += count or 1
    return out


def _rows(found: Sequence[Leaf], candidates: Sequence[int]) -> Iterator[list[int]]:
    """Pieces that follow each other in one container, or at the same place of a list's items."""
    ordinals: dict[int, dict[Any, int]] = {}
    rows: dict[Any, list[int]] = {}
    last: dict[Any, int] = {}
    for index in candidates:
        for name, position in _positions(found[index], ordinals):
            if name in rows and last[name] + 1 != position:
                yield rows.pop(name)
            rows.setdefault(name, []).append(index)
            last[name] = position
    yield from rows.values()


def _positions(leaf: Leaf, ordinals: dict[int, dict[Any, int]]) -> Iterator[tuple[Any, int]]:
    """In which rows the leaf stands, and where: its container, and the list that it is below."""
    container, key = leaf.container, leaf.key
    if isinstance(container, list):
        yield id(container), key
    else:
        known = ordinals.get(id(container))
        if known is None:
            known = ordinals[id(container)] = {name: n for n, name in enumerate(container)}
        yield id(container), known[key]
    below: list[Any] = []
    link = leaf.link
    while link is not None:
        link, key = link
        if isinstance(key, int) and below:
            yield (*below, None, *_keys(link)), key
            return
        below.append(key)


def _is_piece(leaf: Leaf) -> bool:
    if leaf.is_key or _PIECE.fullmatch(leaf.text) is None:
        return False
    if not isinstance(leaf.container[leaf.key], str):
        return False
    names: list[str] = []
    link = leaf.link
    while link is not None and len(names) < _NAMES:
        link, key = link
        names += (key,) if isinstance(key, str) else ()
    return not is_about_something_else(" ".join(names).encode())


def _keys(link: Link) -> Iterator[Any]:
    while link is not None:
        link, key = link
        yield key


def _number(texts: Sequence[str]) -> tuple[int, str]:
    """How many pieces from the first on are one number, and which; none: 0."""
    digits = [re.sub(r"\D", "", text) for text in texts]
    has_plus = texts[0].lstrip("(").startswith("+")
    for count in range(len(texts), 1, -1):
        joined = "".join(digits[:count])
        if len(joined) in _CARD and card.is_number(joined.encode()):
            return count, "CARD"
        is_national = tuple(map(len, digits[:count])) in _PHONES
        is_phone = is_national or (has_plus and len(joined) <= _LONGEST_PHONE)
        if is_phone and phone.is_number("+" * has_plus + joined):
            return count, "PHONE"
    return 0, ""
