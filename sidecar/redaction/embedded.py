"""Records inside a text that is not JSON as a whole, or that only lenient readers take for JSON.

Servers write a line before a list, put it between fences, write one record a line, or quote what is
JSON already; and they write half a surrogate pair, NaN or a raw tab, which a strict parser rejects.
The catalog's paths hold there as well, or a name would pass for a word of prose. What looks like a
record and cannot be read is not shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from sidecar.errors import BackendFailed, Refusal
from sidecar.redaction import leaves

_LEVELS: Final = 3
"""How often JSON may be quoted in JSON and is still looked into for records."""
_BLANK: Final = "\ufeff \t\r\n"
_RECORD: Final = re.compile(r'\{\s*"')
"""Where an object begins. A list is read object by object: the paths are those of a record."""
_MEMBER: Final = re.compile(r"\{[^{}]*[\"']\s*:|\{\s*\w+\s*:\s*[\"'{\[]")
"""A named member of an object, in quoted JSON or another language's notation."""
_SAFE: Final = 18
"""Characters of the longest integer that 64 bits surely hold."""


def masked(text: str, mask: Callable[[Any], object], level: int = 0) -> str:
    """The text with each record in it written anew, after `mask` changed it in place.

    Raises:
        BackendFailed: with reason `unscannable`, for a record that is nested too deeply, quoted
            too often or cannot be read.
    """
    inner = _quoted(text)
    if inner is not None:
        if level >= _LEVELS and "{" in inner:
            raise _unreadable()
        shown = inner if level >= _LEVELS else masked(inner, mask, level + 1)
        return text if shown == inner else orjson.dumps(_sound(shown)).decode()
    pieces: list[str] = []
    position = 0
    while (begin := _RECORD.search(text, position)) is not None:
        record, end = _read(text, begin.start())
        mask(record)
        pieces += (text[position : begin.start()], orjson.dumps(record).decode())
        position = end
    pieces.append(text[position:])
    if _MEMBER.search("\x00".join(pieces[::2])) is not None:
        raise _unreadable()
    return "".join(pieces)


def _quoted(text: str) -> str | None:
    """What a text says that is one string in quotes."""
    bare = text.strip(_BLANK)
    if not bare.startswith('"'):
        return None
    try:
        inner: Any = _DECODER.decode(bare)
    except ValueError:
        return None
    return inner if isinstance(inner, str) else None


def _read(text: str, start: int) -> tuple[Any, int]:
    """The object that starts here, as our serialiser can write it, and where it ends."""
    try:
        record, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    leaves.check_inner(record, text[start:end], BackendFailed)
    try:
        orjson.dumps(record)
    except TypeError:
        record = _sound(record)
    return record, end


def _sound(value: Any) -> Any:
    """The same with a question mark for each half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_sound(child) for child in value]
    if isinstance(value, dict):
        return leaves.object_of((_sound(key), _sound(child)) for key, child in value.items())
    return value


def _integer(digits: str) -> int | str:
    """A number beyond 64 bits stays as text: no other number would be honest."""
    return int(digits) if len(digits) <= _SAFE else digits


_DECODER: Final = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_constant=lambda _name: None
)


def _unreadable() -> Refusal:
    return leaves.unscannable(BackendFailed, "holds what looks like a record and is no JSON")
