"""What `tool_catalog/tool.schema.json` says against a file, told for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from sidecar.catalog.source import Fault, Place, Source
from sidecar.settings import shipped

_KINDS: dict[type, str] = {
    dict: "a mapping",
    list: "a list",
    str: "a string",
    bool: "a flag",
    int: "a number",
    float: "a number",
    type(None): "empty",
}


def faults(source: Source) -> list[Fault]:
    """Everything in a file that the schema forbids, except where the YAML itself is at fault."""
    known = {fault.place for fault in source.faults}
    found = (f for error in _validator().iter_errors(source.value) for f in _tell(error))
    return [fault for fault in found if fault.place not in known]


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads((shipped("tool_catalog") / "tool.schema.json").read_bytes())
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _tell(error: ValidationError) -> Iterator[Fault]:
    place = tuple(error.absolute_path)
    is_key = "propertyNames" in error.absolute_schema_path
    tell = _wrong_key if is_key else _WORDS.get(str(error.validator), _other)
    yield from tell(error, place)


def _unknown_keys(error: ValidationError, place: Place) -> Iterator[Fault]:
    schema: Any = error.schema
    known = sorted(schema["properties"])
    remedy = f"the keys here are {', '.join(known)}"
    instance: Any = error.instance
    for key in instance:
        if key not in known:
            yield Fault((*place, key), f"unknown key {key!r}", remedy)


def _missing_keys(error: ValidationError, place: Place) -> Iterator[Fault]:
    required: Any = error.validator_value
    instance: Any = error.instance
    for key in required:
        if key not in instance:
            yield Fault(place, f"{_last(place)} lacks {key!r}", f"add {key}")


def _wrong_type(error: ValidationError, place: Place) -> Iterator[Fault]:
    kind = _KINDS[type(error.instance)]
    yield Fault(place, f"{_last(place)} is {kind}", f"write {error.validator_value}")


def _wrong_word(error: ValidationError, place: Place) -> Iterator[Fault]:
    value: Any = error.validator_value
    words = value if error.validator == "enum" else [value]
    remedy = "write " + " or ".join(json.dumps(w).strip('"') for w in words)
    yield Fault(place, f"{_last(place)} is none of the words allowed here", remedy)


def _wrong_key(error: ValidationError, place: Place) -> Iterator[Fault]:
    # The error's own path ends at the mapping; the instance is the key.
    key: Any = error.instance
    yield Fault((*place, key), f"key {key!r} has a wrong form", "rename it; see tool.schema.json")


def _other(error: ValidationError, place: Place) -> Iterator[Fault]:
    limit = json.dumps(error.validator_value)
    what = f"{_last(place)} breaks the limit {error.validator} {limit}"
    yield Fault(place, what, "see tool.schema.json")


def _last(place: Place) -> str:
    """What to call a place: its key, or the number of a list's member."""
    if not place:
        return "the file"
    return repr(place[-1]) if isinstance(place[-1], str) else f"member {place[-1] + 1}"


_WORDS: dict[str, Callable[[ValidationError, Place], Iterator[Fault]]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_keys,
    "type": _wrong_type,
    "enum": _wrong_word,
    "const": _wrong_word,
}
