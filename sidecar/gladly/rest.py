"""A catalog row and a call's arguments make one REST request, or a reason why not.

Pure. A value from the arguments never decides where the request goes: whatever is put into the
path has to look like an id of Gladly's, so that no spelling of `..` or `/` gets there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from sidecar.catalog import Rest, Row
from sidecar.errors import SidecarError
from sidecar.model import JsonObject

ORGANIZATION = "org_id"
"""The one brace that no argument fills: it comes from GET /organization."""

_BRACE = re.compile(r"\{([A-Za-z_]+)\}")
# Url-safe ids, and file names such as customers.jsonl; never a leading dot, so never "..".
_PATH_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")


class BadArgumentsError(SidecarError):
    """The arguments do not fit the tool. The message names properties, never values."""


@dataclass(frozen=True, slots=True)
class RestCall:
    """One request to Gladly, ready to be sent."""

    verb: str
    path: str
    query: Mapping[str, str | list[str]]
    body: JsonObject | None


def check(row: Row, arguments: JsonObject) -> None:
    """Hold the arguments against the row's closed schema.

    Raises:
        BadArgumentsError: with everything that is wrong, so that one more try is enough.
    """
    validator = Draft202012Validator(row.input_schema)
    errors = sorted(
        validator.iter_errors(arguments), key=lambda e: [str(p) for p in e.absolute_path]
    )
    if errors:
        reasons = "; ".join(_reason(error) for error in errors)
        raise BadArgumentsError(f"The arguments of {row.tool.name} do not fit: {reasons}.")


def route(row: Row) -> Rest:
    """How a row is called.

    Raises:
        BadArgumentsError: it is another backend's; nothing that this one serves is.
    """
    if row.rest is None:
        raise BadArgumentsError(f"{row.tool.name} is another backend's tool.")
    return row.rest


def in_path(row: Row) -> list[str]:
    """The arguments that the row's path asks for, in order."""
    return [name for name in _BRACE.findall(route(row).path) if name != ORGANIZATION]


def needs_organization(row: Row) -> bool:
    """Whether the row's path asks for the organisation's id."""
    return f"{{{ORGANIZATION}}}" in route(row).path


def build(row: Row, arguments: JsonObject, organization: str = "") -> RestCall:
    """Fill the row's path, query and body from checked arguments.

    Raises:
        BadArgumentsError: a value for the path does not look like an id.
    """
    rest = route(row)
    filled = {**arguments, ORGANIZATION: organization}
    path = _BRACE.sub(lambda brace: _segment(row, brace[1], filled.get(brace[1])), rest.path)
    query = {name: _text(arguments[name]) for name in rest.query if name in arguments}
    body = {name: arguments[name] for name in rest.body if name in arguments}
    return RestCall(rest.verb, path, query, body if rest.body else None)


def _segment(row: Row, name: str, value: object) -> str:
    if not isinstance(value, str) or not _PATH_SAFE.fullmatch(value):
        raise BadArgumentsError(
            f"The arguments of {row.tool.name} do not fit: `{name}` has to be an id as Gladly "
            "gives it: letters, digits, `-` and `_` only, and not empty."
        )
    return quote(value, safe="")


def _text(value: Any) -> str | list[str]:
    """One value of a query; a list repeats its name."""
    if isinstance(value, list):
        return [str(member) for member in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reason(error: ValidationError) -> str:
    """One thing wrong, without the value: jsonschema's own messages repeat it."""
    where = f"`{'.'.join(str(part) for part in error.absolute_path)}`"
    where = where if error.absolute_path else "the object"
    limit: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    match error.validator:
        case "required":
            missing = [f"`{name}`" for name in limit if name not in instance]
            return f"{where} lacks {', '.join(missing)}"
        case "additionalProperties":
            known = ", ".join(f"`{name}`" for name in schema.get("properties", {}))
            return f"{where} may have only {known or 'no properties'}"
        case "enum":
            return f"{where} has to be one of {', '.join(str(choice) for choice in limit)}"
        case _:
            return f"{where} has to satisfy {error.validator} {limit}"
