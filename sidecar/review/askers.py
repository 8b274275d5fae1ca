"""Who is asked about: callers that a file describes, that settings imply, or that stand for all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import yaml
from jsonschema import Draft202012Validator, ValidationError

from sidecar.errors import ConfigError, Problem
from sidecar.model import METHOD_GROUPS, Caller, Endpoint, JsonObject, Method
from sidecar.policy import Bundle
from sidecar.policy.comparing.matrix import Asker

if TYPE_CHECKING:
    from sidecar.settings import Settings

NO_ROLE: Final = "no role"
"""What a table calls a caller without any."""

_IN_ROLES: Final = re.compile(r'"([^"\n]{1,64})"\s+in\s+(?:[a-z_]+\.)*roles\b')
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_METHODS: Final = {"type": "array", "items": {"enum": [*METHOD_GROUPS, *get_args(Method)]}}


def _object(required: Sequence[str] = (), **properties: Any) -> JsonObject:
    closed = {"type": "object", "additionalProperties": False, "properties": properties}
    return closed | {"required": list(required)}


_TEXT: Final = {"type": "string"}
ENDPOINT: Final = _object(
    name=_TEXT,
    methods=_METHODS,
    tags=_TEXTS,
    require_api_token_auth={"type": "boolean"},
    expires_at={"type": ["string", "null"], "format": "date-time"},
    account=_TEXT,
)
"""The form of an endpoint; what is left out is unlimited."""

CALLER: Final = _object(
    issuer=_TEXT,
    subject=_TEXT,
    client=_TEXT,
    scopes=_TEXTS,
    roles=_TEXTS,
    claims={"type": "object"},
    authenticated={"type": "boolean"},
    on_behalf_of=_TEXT,
    purpose=_TEXT,
)
"""The form of a caller, as in the input document; what is left out is empty."""

_FILE: Final = Draft202012Validator(
    {
        "type": "array",
        "minItems": 1,
        "items": _object(
            ["name"],
            name={"type": "string", "minLength": 1},
            caller=CALLER,
            endpoint=ENDPOINT,
        ),
    }
)


def named(file: Path) -> tuple[Asker, ...]:
    """Read a YAML list of callers: each a `name`, and what is known of `caller` and `endpoint`.

    Raises:
        ConfigError: the file is none; with every problem, and no word of what it holds.
    """
    try:
        given = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([Problem(str(file), f"cannot be read: {error.strerror}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError([Problem(str(file), "is not YAML")]) from None
    problems = list(faults(_FILE, given, str(file)))
    if not problems and len({one["name"] for one in given}) < len(given):
        problems.append(Problem(str(file), "a name stands twice", "give each caller its own"))
    if problems:
        raise ConfigError(problems)
    return tuple(
        Asker(
            one["name"],
            caller(one.get("caller", {}), one.get("endpoint", {}), f"{file} {number}.endpoint"),
        )
        for number, one in enumerate(given)
    )


def of_settings(settings: Settings, *bundles: Bundle) -> tuple[Asker, ...]:
    """Each endpoint of the settings, without a role and with each that the policies name."""
    endpoints = [(one.name, one.to_endpoint()) for one in settings.endpoints]
    return tuple(_each(endpoints, _all_roles(bundles)))


def everyone(*bundles: Bundle) -> tuple[Asker, ...]:
    """Callers that stand for all: the widest endpoint and one that names no methods, as above."""
    endpoints = [
        ("all methods", Endpoint("all methods", None, methods=("read", "write", "custom"))),
        ("default methods", Endpoint("default methods", None)),
    ]
    return tuple(_each(endpoints, _all_roles(bundles)))


def caller(said: JsonObject, at: JsonObject, where: str) -> Caller:
    """A caller of the forms above; `where` is told of a time that is none, in a ConfigError."""
    expires = at.get("expires_at")
    endpoint = Endpoint(
        name=at.get("name", "review"),
        token_hash=None,
        methods=tuple(at.get("methods", ())),
        tags=tuple(at.get("tags", ())),
        require_api_token_auth=at.get("require_api_token_auth", True),
        expires_at=moment(expires, f"{where}.expires_at") if expires else None,
        account=at.get("account", ""),
    )
    texts = {key: said.get(key, "") for key in ("issuer", "client", "on_behalf_of", "purpose")}
    return Caller(
        endpoint,
        is_authenticated=said.get("authenticated", True),
        subject=said.get("subject", "agent"),
        scopes=tuple(said.get("scopes", ())),
        roles=tuple(said.get("roles", ())),
        claims=said.get("claims", {}),
        **texts,
    )


def moment(text: str, where: str) -> datetime:
    """A time of ISO 8601; without a zone it is UTC. Raises ConfigError for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        remedy = "write 2026-11-22T12:00:00Z"
        raise ConfigError([Problem(where, "is no time", remedy)]) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def faults(form: Draft202012Validator, value: Any, where: str) -> Iterator[Problem]:
    """What is wrong with a value, by place, without a word of what it holds."""
    for error in form.iter_errors(value):
        place = ".".join(str(part) for part in error.absolute_path)
        yield Problem(f"{where} {place}".rstrip(), _what(error))


def _what(error: ValidationError) -> str:
    rule, value = str(error.validator), error.validator_value
    if rule == "additionalProperties":
        known: Any = error.schema
        return f"has a member that is not known; known are {', '.join(known['properties'])}"
    words = {"type": "must be of type", "enum": "must be one of", "required": "must have"}
    given = " or ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{words.get(rule, f'breaks {rule}')} {given}"


def _each(endpoints: Sequence[tuple[str, Endpoint]], roles: Sequence[str]) -> Iterator[Asker]:
    for name, endpoint in endpoints:
        for role in ("", *roles):
            has = (role,) if role else ()
            who = Caller(endpoint, is_authenticated=True, subject="agent", roles=has)
            yield Asker(f"{name}, {role or NO_ROLE}", who)


def _all_roles(bundles: Sequence[Bundle]) -> list[str]:
    return sorted({role for bundle in bundles for role in _roles(bundle)})


def _roles(bundle: Bundle) -> set[str]:
    """Roles that data names under a key that ends in `roles`, or that a rule compares with."""
    found = set(_in_data(bundle.data))
    for file, text in bundle.modules:
        if not file.endswith("_test.rego"):
            found.update(_IN_ROLES.findall(text))
    return found


def _in_data(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key.endswith("roles") and isinstance(inner, list):
            yield from (role for role in inner if isinstance(role, str))
        else:
            yield from _in_data(inner)
