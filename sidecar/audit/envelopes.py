"""Texts inside JSON inside JSON: what log shippers wrap around a line. Pure.

A line was shipped as one opaque string. Collectors put it into objects of their own, sort and
space these as they like, and some put the whole again into a string; the string itself stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

MAX_DEPTH = 16
"""How many strings and objects within each other are looked into."""


def texts(raw: str | bytes, last: str | None = None) -> Iterator[str]:
    """Yield each string in the JSON that begins at the first brace, and each in those in turn.

    A string that is JSON itself comes before the strings inside it; one that begins with `last` is
    not looked into. Nothing is yielded for what is no JSON.
    """
    begin = raw.find("{") if isinstance(raw, str) else raw.find(b"{")
    if begin >= 0:
        yield from _strings(_loaded(raw[begin:]), last, 0)


def _strings(value: Any, last: str | None, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        yield value
        is_json = value.lstrip().startswith(("{", "["))
        if is_json and not (last and value.startswith(last)):
            yield from _strings(_loaded(value), last, depth + 1)
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _strings(member, last, depth + 1)


def _loaded(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
