"""Records inside a text that is not JSON as a whole.

Servers write a line before a list, put it between fences, write one record a line, or quote what is
JSON already. The catalog's paths hold there as well, or a name would pass for a word of prose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from sidecar.errors import BackendFailed
from sidecar.redaction import leaves

_LEVELS: Final = 3
"""How often JSON may be quoted in JSON and is still looked into for records."""
_TRIES: Final = 16
"""Brackets that begin nothing, after which a text is taken for prose."""
_BEGIN: Final = re.compile(r"[\[{]")
_DECODER: Final = json.JSONDecoder()


def masked(text: str, mask: Callable[[Any], bool], level: int = 0) -> str:
    """The text with each record that `mask` changed written anew; it says whether it had any.

    Raises:
        BackendFailed: with reason `unscannable`, for a record that is nested too deeply.
    """
    inner = leaves.parsed(text)
    if isinstance(inner, str):
        if level >= _LEVELS:
            return text
        shown = masked(inner, mask, level + 1)
        return text if shown == inner else orjson.dumps(shown).decode()
    pieces: list[str] = []
    position = done = tries = 0
    while tries < _TRIES and (begin := _BEGIN.search(text, position)) is not None:
        start, end = begin.start(), _end(text, begin.start())
        record = leaves.parsed(text[start:end]) if end else None
        if record is None:
            tries += 1
            position = start + 1
            continue
        leaves.check_inner(record, text[start:end], BackendFailed)
        if mask(record):
            pieces += (text[done:start], orjson.dumps(record).decode())
            done = end
        position = end
    return "".join((*pieces, text[done:]))


def _end(text: str, start: int) -> int:
    """Where the JSON value ends that starts here; 0 if none does."""
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return 0
