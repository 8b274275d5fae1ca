"""Rows for tools that the catalog does not know, proposed from a backend's own list for a review.

What a backend says of its tools is text of a stranger: it gives names, arguments and words to read,
and decides nothing. A tool whose name is an operation's of Gladly's own API description gets what
is known of that operation; every other gets the unsafe value everywhere, and stays refused by what
it is (method `custom`, effect `destructive`) until a person has written down what it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from sidecar.catalog.catalog import Catalog
from sidecar.catalog.rows import Row
from sidecar.model import JsonObject

UNREVIEWED: Final = "unreviewed"
"""The tag of a proposed row, which the library refuses; whoever reviewed the row takes it away."""

_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean")
_ARGUMENT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_TOOL: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]+")
_HEAD: Final = """\
# Proposed from a backend's list of tools. Review each row before you use the file: what the tool
# does (method, effect, tags), which arguments overwrite or reach customers (marks), where its
# answers hold personal data (pii), and whose it is (subject). tool_catalog/README.md says how.
# Then take the tag `unreviewed` away, and name the file's folder in catalog.folders.
"""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What was made of a list: `known` by name, `alike` to an operation, `new`; `unusable` names.

    `text` is the YAML file with a row for each that is alike or new; empty if there is none.
    """

    known: tuple[str, ...]
    alike: tuple[str, ...]
    new: tuple[str, ...]
    unusable: tuple[str, ...]
    text: str


def propose(catalog: Catalog, entries: Iterable[Mapping[str, Any]]) -> Proposals:
    """Compare a backend's list with the catalog, and write rows for what is missing."""
    operations = {row.rest.operation: row for row in catalog.rows if row.rest}
    listed = {str(entry["name"]): entry for entry in entries}
    usable = {name for name in listed if _TOOL.fullmatch(name)}
    known = {name for name in usable if catalog.find(name).is_known}
    missing = sorted(usable - known)
    names = usable | set(catalog.tools)
    rows = [_row(listed[name], operations.get(name), names) for name in missing]
    return Proposals(
        known=tuple(sorted(known)),
        alike=tuple(name for name in missing if name in operations),
        new=tuple(name for name in missing if name not in operations),
        unusable=tuple(sorted(listed.keys() - usable)),
        text=_HEAD + _dumped({"tools": rows}) if rows else "",
    )


def _row(entry: Mapping[str, Any], alike: Row | None, names: set[str]) -> JsonObject:
    schema = _input(entry.get("inputSchema"))
    row: JsonObject = {
        "name": entry["name"],
        "confidence": "inferred",
        "title": _text(entry.get("title"), names, 60) or str(entry["name"])[:60].replace("_", " "),
        "summary": "Not reviewed yet.",
        "description": _text(entry.get("description"), names, 2000) or "The backend says nothing.",
        "method": alike.tool.method if alike else "custom",
        "effect": alike.tool.effect if alike else "destructive",
        "tags": sorted({UNREVIEWED, *(alike.tool.tags if alike else ())}),
        "input_schema": schema,
        "output_schema": {"type": "object"},
    }
    return row | (_personal(alike, schema) if alike else {})


def _personal(alike: Row, schema: JsonObject) -> JsonObject:
    """What the known operation says of personal data, as far as arguments have the same names."""
    tool, arguments = alike.tool, schema["properties"]
    marks = {
        name: {key: value for key, value in _marks(mark).items() if value}
        for name, mark in tool.arguments.items()
        if name in arguments
    }
    subject = [
        {"kind": s.kind, "source": s.source, "pointer": s.pointer}
        for s in tool.subjects
        if s.source == "result" or s.pointer.split("/")[1] in arguments
    ]
    found: JsonObject = {
        "marks": {name: mark for name, mark in marks.items() if mark},
        "pii": {one.pattern: one.entity for one in tool.pii},
        "safe": list(tool.safe),
        "customer_text": list(tool.customer_text),
        "subject": subject,
    }
    return {key: value for key, value in found.items() if value}


def _marks(mark: Any) -> JsonObject:
    return {
        "overwrites": mark.overwrites,
        "outbound": mark.outbound,
        "expected": list(mark.expected),
    }


def _input(schema: Any) -> JsonObject:
    """A backend's schema in the plain subset: names, kinds and descriptions of the arguments."""
    given = schema.get("properties") if isinstance(schema, dict) else None
    properties = {
        name: _argument(said)
        for name, said in (given.items() if isinstance(given, dict) else ())
        if _ARGUMENT.fullmatch(name)
    }
    required = schema.get("required") if isinstance(schema, dict) else None
    # Strangers write it: what is no text may not even be looked up.
    texts = [n for n in required if isinstance(n, str)] if isinstance(required, list) else []
    names = [n for n in dict.fromkeys(texts) if n in properties]
    made: JsonObject = {"type": "object", "additionalProperties": False}
    return made | ({"required": names} if names else {}) | {"properties": properties}


def _argument(said: Any) -> JsonObject:
    kinds = said.get("type") if isinstance(said, dict) else None
    several = kinds if isinstance(kinds, list) else [kinds]
    kind = next((one for one in several if isinstance(one, str) and one in _TYPES), "string")
    about = said.get("description") if isinstance(said, dict) else None
    made: JsonObject = {"type": kind, "description": _text(about, set(), 500) or "Not described."}
    return made | ({"additionalProperties": True} if kind == "object" else {})


def _text(text: Any, names: set[str], longest: int) -> str:
    """A stranger's text on one line, cut; names of tools taken out, as the catalog wants it."""
    if not isinstance(text, str):
        return ""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _WORD.sub(lambda m: _unnamed(m[0], names), plain)[:longest].strip()


def _unnamed(word: str, names: set[str]) -> str:
    name = word.rstrip(".")
    return word.replace(name, "another tool") if name in names and "_" in name else word


def _dumped(value: Any) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text
