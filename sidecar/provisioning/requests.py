"""What an administrator asks for: a strict body or query becomes fields of an endpoint. Pure.

Every problem of a body is told at once, by its place, and never with the value that stood there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sidecar import jsonrpc
from sidecar.errors import Malformed
from sidecar.settings.kinds import METHODS

LONGEST_NAME: Final = 255
MOST_TAGS: Final = 100
SHORTEST: Final = timedelta(seconds=60)
"""How far ahead an expiry must lie, as Truto has it."""

TAG: Final = r"^[a-z][a-z0-9_]{0,39}$"
"""What the catalog's tags look like; any other tag could match no tool."""

TIME: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
"""RFC 3339 section 5.6, with its zone."""

LARGEST_PAGE: Final = 100
PAGE: Final = 50

_TAG = re.compile(TAG)
_TIME = re.compile(TIME)
_CURSOR = re.compile(r"[0-9]{1,18}")
_LIMIT = re.compile(r"[0-9]{1,3}")
_FRACTION = re.compile(r"\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The fields of `model.Endpoint` that a request sets, and whether its config was among them."""

    fields: Mapping[str, Any]
    has_config: bool


class _Fault(Exception):
    """One value cannot be used; says what it must be."""


def wanted(raw: bytes, tool_exposure: str, now: datetime) -> Wanted:
    """Read the body of a POST or PATCH. `tool_exposure` is the only one that can be had here.

    Raises:
        Malformed: It is no strict JSON object, or holds what cannot be used; `public` says all.
    """
    try:
        body = jsonrpc.loads(raw)
    except Malformed as error:
        error.public = f"The body cannot be read: {error}. Send one JSON object (RFC 8259)."
        raise
    problems: list[str] = []
    readers: dict[str, Callable[[Any], Any]] = {
        "name": _name,
        "config": _object,
        "expires_at": lambda value: _expiry(value, now),
    }
    found = dict(_members(body, readers, "", problems))
    config = found.pop("config", None)
    if config is not None:
        readers = {
            "methods": _methods,
            "tags": _tags,
            "tool_exposure": lambda value: _exposure(value, tool_exposure),
            "require_api_token_auth": _flag,
        }
        found |= _members(config, readers, "config.", problems)
        found.pop("tool_exposure", None)
    if problems:
        raise unusable("; ".join(problems))
    return Wanted(MappingProxyType(found), config is not None)


def page(query: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Read a list's query: how many at most, and behind which number.

    Raises:
        Malformed: A parameter is unknown, stands twice or cannot be used.
    """
    given: dict[str, str] = {}
    for name, value in query:
        if name not in {"limit", "next_cursor"} or name in given:
            raise unusable("query: only limit and next_cursor are known, each once")
        given[name] = value
    limit, cursor = given.get("limit", str(PAGE)), given.get("next_cursor", "0")
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= LARGEST_PAGE:
        raise unusable(f"limit: must be a number from 1 to {LARGEST_PAGE}")
    if not _CURSOR.fullmatch(cursor):
        raise unusable("next_cursor: must be the next_cursor of an answer, unchanged")
    return int(limit), int(cursor)


def unusable(what: str) -> Malformed:
    """The refusal of a request that can be read, and whose content cannot be used."""
    return Malformed(
        "a provisioning request cannot be used", reason="unusable_request", public=what
    )


def _members(
    body: Any, readers: Mapping[str, Callable[[Any], Any]], place: str, problems: list[str]
) -> dict[str, Any]:
    """Each member by its reader; what is wrong is noted."""
    if not isinstance(body, dict):
        problems.append("the body must be a JSON object")
        return {}
    found = {}
    for name, value in body.items():
        if name not in readers:
            # An unknown name may be a misplaced secret: it is not repeated.
            where = place.rstrip(".") or "the body"
            problems.append(f"{where} holds an unknown member; known: {_all(readers)}")
            continue
        try:
            found[name] = readers[name](value)
        except _Fault as fault:
            problems.append(f"{place}{name}: {fault}")
    return found


def _all(names: Iterable[str]) -> str:
    return ", ".join(names)


def _name(value: Any) -> str:
    is_text = isinstance(value, str) and value.isprintable() and value == value.strip()
    if not is_text or not 1 <= len(value) <= LONGEST_NAME:
        raise _Fault(f"must be 1 to {LONGEST_NAME} printable characters, no space at either end")
    return str(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Fault("must be an object")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _Fault("must be a list of texts")
    return tuple(dict.fromkeys(value))


def _methods(value: Any) -> tuple[str, ...]:
    found = _texts(value)
    if not found:
        # An endpoint without methods has those of the policy's data, which an edit can widen.
        raise _Fault("must name a method or a group; without the member it is read")
    if not set(found) <= set(METHODS):
        raise _Fault(f"holds what is no method; known: {_all(METHODS)}")
    return found


def _tags(value: Any) -> tuple[str, ...]:
    found = _texts(value)
    if len(found) > MOST_TAGS or not all(_TAG.fullmatch(one) for one in found):
        raise _Fault(f"must be at most {MOST_TAGS} tags of the catalog (lower case, digits, _)")
    return found


def _exposure(value: Any, only: str) -> str:
    if value != only:
        raise _Fault(f"must be {only}, which backend.tool_exposure of this gateway says")
    return only


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Fault("must be true or false")
    return value


def _expiry(value: Any, now: datetime) -> datetime | None:
    """A time, cut to milliseconds as it is told again; None for never."""
    if value is None:
        return None
    text = value.upper() if isinstance(value, str) and _TIME.fullmatch(value) else ""
    try:
        whole = datetime.fromisoformat(_FRACTION.sub("", text)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Fault("must be null, or a time with its zone as in 2027-01-31T00:00:00Z") from None
    fraction = _FRACTION.search(text)
    millis = int(fraction[0][1:4].ljust(3, "0")) if fraction else 0
    found = whole + timedelta(milliseconds=millis)
    if found - now < SHORTEST:
        raise _Fault("must lie at least 60 seconds ahead")
    return found
