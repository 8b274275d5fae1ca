"""Made-up values that must never come out of redaction: the proof that it masks, not just runs.

Each kind that content tells is hidden in prose; and of each tool that the catalog knows, every
field that it names holds a value that nothing but its path gives away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from sidecar.errors import Refusal
from sidecar.model import JsonObject, Tool
from sidecar.redaction import masking
from sidecar.redaction.pseudonyms import Pseudonyms

_BY_CONTENT: Final = (
    ("EMAIL", "", "canary.bird@aviary.example"),
    ("PHONE", "", "+1 415 555 2671"),
    ("CARD", "", "4111 1111 1111 1111"),
    ("TOKEN", "", "ghp_C4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n4ry"),
    ("PIN", "PIN ", "4931"),
    ("SSN", "SSN ", "219-09-9999"),
    ("IBAN", "", "DE89 3704 0044 0532 0130 00"),
    ("IP", "", "198.51.100.23"),
)
"""Entity, the word before the value that it needs, and the value."""


class Canaries:
    """The canaries of some tools: each different set of paths is tried once."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = tuple({tool.pii: tool for tool in tools if tool.pii}.values())

    def leaks(self, pseudonyms: Pseudonyms) -> tuple[str, ...]:
        """What came out, by entity and by tool, or where redaction failed. Never a value."""
        told = [
            f"{entity} by its content"
            for entity, label, value in _BY_CONTENT
            if _is_out(_in_prose(label, value), Tool("canary"), [value], pseudonyms)
        ]
        told += [
            f"a field of {tool.name}"
            for tool in self._tools
            if _is_out(*_by_path(tool), pseudonyms)
        ]
        return tuple(told)


def _is_out(result: JsonObject, tool: Tool, values: list[str], pseudonyms: Pseudonyms) -> bool:
    try:
        shown = orjson.dumps(masking.redact(result, tool, (), pseudonyms).value)
    except Refusal:
        return True  # what cannot be masked at all serves nobody
    return any(value.encode() in shown for value in values)


def _in_prose(label: str, value: str) -> JsonObject:
    record = {"note": f"Please note: {label}{value}, thank you."}
    content = [{"type": "text", "text": orjson.dumps(record).decode()}]
    return {"content": content, "structuredContent": record}


def _by_path(tool: Tool) -> tuple[JsonObject, Tool, list[str]]:
    """A value of its own in each field, a word that no other repeats: a sweep would find it."""
    record: JsonObject = {}
    values: list[str] = []
    for number, data in enumerate(tool.pii):
        value = f"Quill{chr(97 + number % 26) * (5 + number // 26)}"
        segments = [segment for segment in data.pattern.split("/")[1:] if segment != "**"]
        if _put(record, segments, value):
            values.append(value)
    content = [{"type": "text", "text": orjson.dumps({"result": [record]}).decode()}]
    return {"content": content, "structuredContent": {"result": [record]}}, tool, values


def _put(record: JsonObject, segments: list[str], value: str) -> bool:
    """Put a value where a pattern says, `*` as the first element of a list; whether it is there."""
    holder: Any = record
    for name, following in zip(segments, [*segments[1:], ""], strict=True):
        below: Any = ([] if following == "*" else {}) if following else value
        if isinstance(holder, list):
            holder += [] if holder else [below]
            holder = holder[0]
        elif isinstance(holder, dict):
            holder = holder.setdefault(name.replace("~1", "/").replace("~0", "~"), below)
        else:
            return False  # a shorter pattern has put its canary here already
    return bool(holder == value)
