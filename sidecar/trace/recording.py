"""The file that holds one recorded message: its form, and everything wrong with it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, get_args

import yaml
from jsonschema import Draft202012Validator, ValidationError

from sidecar import jsonrpc
from sidecar.errors import ConfigError, Malformed, Problem
from sidecar.model import METHOD_GROUPS, JsonObject, Method

_EXAMPLE: Final = "see tests/traces/ for examples of the file's form"


def _object(*required: str, **properties: Any) -> JsonObject:
    closed = {"type": "object", "additionalProperties": False, "properties": properties}
    return closed | {"required": list(required)}


_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_HEADERS: Final = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}
_METHODS: Final = {"type": "array", "items": {"enum": [*METHOD_GROUPS, *get_args(Method)]}}
_FORM: Final = Draft202012Validator(
    _object(
        "request",
        note={"type": "string"},
        endpoint=_object(name={"type": "string"}, methods=_METHODS, tags=_TEXTS),
        caller=_object(subject={"type": "string", "minLength": 1}, roles=_TEXTS),
        request=_object("body", headers=_HEADERS, body={}),
        reply=_object(
            status={"type": "integer", "minimum": 200, "maximum": 599}, headers=_HEADERS, body={}
        ),
    )
)


def read(file: Path) -> JsonObject:
    """Read a recording.

    Raises:
        ConfigError: the file is not one; with every problem, and no word of what it holds.
    """
    try:
        recording = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([Problem(str(file), f"cannot be read: {error.strerror}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError([Problem(str(file), "is not YAML", _EXAMPLE)]) from None
    problems = [_problem(file, error) for error in _FORM.iter_errors(recording)]
    if not problems:
        for part in ("request", "reply"):
            try:
                raw(recording.get(part, {}).get("body", ""))
            except (Malformed, RecursionError):
                problems.append(Problem(f"{file} {part}.body", "cannot be JSON", "quote dates"))
    if problems:
        raise ConfigError(problems)
    return dict(recording)


def _problem(file: Path, error: ValidationError) -> Problem:
    """Say what is wrong without a word of what the recording holds."""
    place = ".".join(str(part) for part in error.absolute_path) or "the file"
    rule, value = error.validator, error.validator_value
    what = {
        "type": f"must be of type {_either(value)}",
        "enum": f"must be one of {_either(value)}",
        "required": f"must have {_either(value)}",
        "additionalProperties": "has a member that is not known",
    }.get(str(rule), f"breaks {rule} {value}")
    return Problem(f"{file} {place}", what, _EXAMPLE)


def _either(value: Any) -> str:
    return " or ".join(map(str, value)) if isinstance(value, list) else str(value)


def raw(body: Any) -> bytes:
    """A body as it is sent: text as it stands, anything else as JSON."""
    return body.encode("utf-8", "replace") if isinstance(body, str) else jsonrpc.dumps(body)
