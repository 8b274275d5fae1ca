"""How large the arguments of a call may be that is judged, and what is said of larger ones.

Rego's engines know no time limit, and the embedded one holds up everybody while it evaluates: what
a rule can be made to do is bounded by what it is given. Measured on two cores of 2.5 GHz, embedded:
a rule that walks the arguments takes 4 to 9 µs for each value, whatever its length, one that tries
eight patterns on each 50 µs; 1 MB in one string takes 3 ms for all eight; a finding takes 6 µs, and
60 where it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from sidecar.model import Denial, Finding, JsonObject, Tool

CODE: Final = "sealed.arguments"
"""The code of the denial."""

MAX_BYTES: Final = 900 * 1024
"""Bytes of the arguments as JSON. The largest that the catalog bounds, an e-mail of twice 100,000
characters, are 800,000 when each takes four; the rest of the input has room beside it."""

MAX_VALUES: Final = 3_000
"""Objects, lists and what they hold: 25 ms for a rule of the library, by which 600 recipients of a
campaign fit into one call."""

MAX_FINDINGS: Final = 1_000
"""Pieces of personal data in them: 60 ms if every one is refused."""

MAX_DEPTH: Final = 32
"""Levels of objects and lists; the deepest schema of the catalog has five."""


def denial(tool: Tool, excess: str) -> Denial:
    """What a caller reads who gave too much."""
    return Denial(
        tool=tool.name,
        code=CODE,
        message=f"The arguments are too large to be judged: {excess}.",
        remedy="Send less at once: shorten them, or split the call into several.",
        group="arguments",
    )


def excess(arguments: JsonObject, findings: Sequence[Finding]) -> str:
    """By what the arguments are too large, in words without a value of theirs; empty: they fit."""
    if len(findings) > MAX_FINDINGS:
        return f"personal data in more than {MAX_FINDINGS} places"
    try:
        raw = orjson.dumps(arguments)
    except TypeError:
        return ""  # the engines refuse what cannot be written
    if len(raw) > MAX_BYTES:
        return f"more than {MAX_BYTES} bytes"
    # Every value but the first follows a comma or a bracket, and most calls have few of either.
    brackets = raw.count(b"{") + raw.count(b"[")
    if brackets + raw.count(b",") < MAX_VALUES and brackets <= MAX_DEPTH:
        return ""
    return _measured(arguments)


def _measured(value: Any) -> str:
    """Count level by level, so that depth costs no recursion."""
    level, values, depth = [value], 1, 0
    while level:
        inner: list[Any] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one
        values += len(inner)
        depth += 1
        if values > MAX_VALUES:
            return f"more than {MAX_VALUES} values"
        if depth > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH} levels"
        level = [one for one in inner if isinstance(one, dict | list)]
    return ""
