"""What each key of the library's configuration takes, for the site's data to be held against."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, get_args

from sidecar.errors import Problem
from sidecar.model import ENTITIES, METHOD_GROUPS, Action, Effect, Method
from sidecar.policy.bundle import DataFile
from sidecar.policy.spelling import meant

ACTIONS: Final = frozenset(get_args(Action))
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_HOST: Final = re.compile(r"[a-z0-9*-]+(\.[a-z0-9*-]+)*")
_WIDEST_OFFSET: Final = 14 * 60
_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a data file a value stands, by its keys from `data` on."""

    file: DataFile
    keys: tuple[str, ...]

    def inner(self, key: str) -> Place:
        """The place of a member, or of an item by its number."""
        return Place(self.file, (*self.keys, key))

    def problem(self, what: str, remedy: str) -> Problem:
        """A problem with the value here, told with its file and line."""
        return Problem(self.file.at(*self.keys), what, remedy)

    def unused(self, what: str, remedy: str) -> Problem:
        """The same, where the value bears the wrong form, so that the library would not use it."""
        return self.problem(f"{'.'.join(self.keys)} {what}, so it is not used", remedy)


Check = Callable[[Place, Any], Iterator[Problem]]
"""Tells what is wrong with a value at a place."""


def problems(place: Place, value: Any, shipped: Any) -> Iterator[Problem]:
    """What is wrong with one key's value, which is `shipped` in the library."""
    check = _KEYS.get(place.keys[-1]) or (_number if isinstance(shipped, int) else words())
    yield from check(place, value)


def words(noun: str = "", known: AbstractSet[str] = frozenset()) -> Check:
    """Take a list of texts: with a noun only the known ones, else anybody's."""

    def check(place: Place, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield place.unused("is no list", f"{place.keys[-1]}: [word]")
            return
        for word in value:
            if not isinstance(word, str):
                what = f"{'.'.join(place.keys)} holds what is no word"
                yield place.problem(what, "put each in quotes")
            elif noun and word not in known:
                yield place.problem(f"{word} is no {noun}", meant(word, known))

    return check


def _number(place: Place, value: Any) -> Iterator[Problem]:
    if type(value) is not int or value < 0:
        yield place.unused("is no whole number from 0 on", f"{place.keys[-1]}: 60")


def _up_to(most: int) -> Check:
    """Take a number that a caller's past can reach: beyond, the rule would never fire."""

    def check(place: Place, value: Any) -> Iterator[Problem]:
        yield from _number(place, value)
        if type(value) is int and value > most:
            what = f"{place.keys[-1]} is more than {most}, which the sidecar does not remember"
            yield place.problem(what, f"{place.keys[-1]}: {most}")

    return check


def _masks(place: Place, value: Any) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield place.unused("is no object", "write `ENTITY: action`")
        return
    for entity, action in value.items():
        here = place.inner(entity)
        if entity not in ENTITIES:
            yield here.problem(f"{entity} is no entity", meant(entity, ENTITIES))
        if not isinstance(action, str):
            yield here.problem(f"the action of {entity} is no word", meant("", ACTIONS))
        elif action not in ACTIONS:
            yield here.problem(f"{action} is no action", meant(action, ACTIONS))


def _hosts(place: Place, value: Any) -> Iterator[Problem]:
    yield from words()(place, value)
    for host in value if isinstance(value, list) else ():
        if isinstance(host, str) and not _HOST.fullmatch(host):
            what = f"{host} is no name of a host, in small letters and without a port"
            yield place.problem(what, 'hooks.example.com, *.example.com or "**"')


def _argument(place: Place, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield place.unused("names no argument", "argument: status")


def _values(place: Place, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list) or not all(type(v) in {str, bool, int} for v in value):
        yield place.unused("is no list of texts, truths and whole numbers", "values: [CLOSED]")


def _open(place: Place, value: Any) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield place.unused("is no object", "open: {Monday: [8, 18]}")
        return
    for day, hours in value.items():
        if day not in WEEKDAYS:
            yield place.inner(day).problem(f"{day} is no weekday", meant(day, WEEKDAYS))
        if not _is_span(hours):
            what = f"the hours of {day} are no two whole numbers, the first less than the second"
            yield place.inner(day).problem(what, f"{day}: [8, 18]")


def _is_span(hours: Any) -> bool:
    return (
        isinstance(hours, list)
        and [type(hour) for hour in hours] == [int, int]
        and 0 <= hours[0] < hours[1] <= _HOURS
    )


def _offset(place: Place, value: Any) -> Iterator[Problem]:
    if type(value) is not int or abs(value) > _WIDEST_OFFSET:
        what = f"is no whole number from {-_WIDEST_OFFSET} to {_WIDEST_OFFSET}"
        yield place.unused(what, f"{place.keys[-1]}: 60")


_ABOUT: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "tools": words(),
        "tags": words(),
        "effects": words("effect", frozenset(get_args(Effect))),
    }
)
"""Members by which a row says which tools it is about (`data.sidecar.lib.selection`)."""

_FOR: Final[Mapping[str, Check]] = MappingProxyType(
    dict.fromkeys(
        ("roles", "purposes", "clients", "subjects", "issuers", "endpoints", "accounts"), words()
    )
)
"""Members by which it says whom and where it is for."""


def _rows(
    members: Mapping[str, Check],
    needed: AbstractSet[str] = frozenset(),
    one_of: Mapping[str, Check] = _FOR,
) -> Check:
    """Take a list of objects with these members: the needed ones, and at least one of some."""

    def check(place: Place, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield place.unused("is no list of rows", f"{place.keys[-1]}: [{{…}}]")
            return
        for number, row in enumerate(value):
            here = place.inner(str(number))
            if not isinstance(row, dict):
                yield here.unused("is no object", f"members: {', '.join(members)}")
                continue
            for name in sorted(needed - row.keys()):
                yield here.unused(f"lacks {name}", f"members: {', '.join(members)}")
            if one_of and not one_of.keys() & row.keys():
                yield here.problem(
                    f"{'.'.join(here.keys)} says nothing of one of: {', '.join(one_of)}",
                    "name one of them; an empty list fits nothing",
                )
            yield from _members(here, row, members)

    return check


def _members(
    place: Place, row: Mapping[str, Any], members: Mapping[str, Check]
) -> Iterator[Problem]:
    for name, value in row.items():
        here = place.inner(name)
        if name not in members:
            yield here.unused("is no member of such a row", meant(name, members.keys()))
        else:
            yield from members[name](here, value)


_KEYS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "always_masked": words("entity", ENTITIES),
        "caller_masks": _rows({**_FOR, "masks": _masks}, {"masks"}),
        "customers_per_hour": _up_to(10_000),
        "default_methods": words("method", frozenset({*get_args(Method), *METHOD_GROUPS})),
        "denied": _rows({**_ABOUT, **_FOR}, one_of={**_ABOUT, **_FOR}),
        "expected_in_arguments": _rows(
            {**_ABOUT, "argument": _argument, "entities": words("entity", ENTITIES)},
            {"argument", "entities"},
            one_of={},
        ),
        "masks": _masks,
        "open_hours": _rows(
            {**_ABOUT, "open": _open, "utc_offset_minutes": _offset}, {"open"}, one_of={}
        ),
        "refused_in_arguments": words("entity", ENTITIES | {"MASK"}),
        "reserved_tools": _rows({**_ABOUT, **_FOR}),
        "reserved_values": _rows(
            {**_ABOUT, **_FOR, "argument": _argument, "values": _values}, {"argument", "values"}
        ),
        "tainted_minutes": _up_to(60),
        "webhook_hosts": _hosts,
    }
)
"""Keys that take more than any words or a number. Roles, tags and MCP methods are anybody's."""
