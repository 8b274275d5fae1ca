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


def texts(raw: str | bytes) -> Iterator[str]:
    """Yield each string in the JSON that begins at the first brace, and each in those in turn.

    A string that is JSON itself comes before the strings inside it. Nothing is yielded for what is
    no JSON.
    """
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    begin = text.find("{")
    if begin >= 0:
        yield from _strings(_loaded(text[begin:]), 0)


def _strings(value: Any, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        yield value
        if value.lstrip().startswith(("{", "[")):
            yield from _strings(_loaded(value), depth + 1)
    elif isinstance(value, dict):
        for member in value.values():
            yield from _strings(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member, depth + 1)


def _loaded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
