"""What a backend's rate headers say of the quota that all callers of an account share; pure.

Three spellings are read: the three headers of the early IETF drafts (also as `X-RateLimit-*`, and
with Gladly's `-Second`), and `RateLimit` and `RateLimit-Policy` in their later two forms. What is
no small number is left out: a backend could write anything there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"(?:x-)?ratelimit-(limit|remaining|reset)(?:-[a-z]+)?")
_NUMBER: Final = re.compile(r"\s*(\d{1,10})\s*(?:[;,].*)?", re.DOTALL | re.ASCII)
_MEMBER: Final = re.compile(
    r"(?:^|[;,\s])(q|r|t|limit|remaining|reset)=(\d{1,10})(?![\d.])", re.ASCII
)
_MEANT: Final = {"q": "limit", "r": "remaining", "t": "reset"}

_EPOCH: Final = 1_000_000_000
"""A reset of this or more is no number of seconds to wait but a time."""

_LONGEST: Final = 1024
"""Characters of a header that are looked at."""


class Limit(NamedTuple):
    """A quota as a backend told it last; None where it did not say. `reset` is in seconds."""

    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None


def limit_of(headers: Iterable[tuple[str, str]], now: float) -> Limit:
    """Read the rate headers of one reply; `now` is Unix time.

    Of several quotas each number is the smallest one told, so that what is tight is seen.
    """
    found: dict[str, int] = {}
    for name, value in headers:
        for what, number in _told(name.lower(), value[:_LONGEST]):
            if what == "reset" and number >= _EPOCH:
                number = max(0, round(number - now))  # noqa: PLW2901 - an epoch, told in seconds
            if number < _EPOCH:
                found[what] = min(number, found.get(what, number))
    return Limit(**found)


def _told(name: str, value: str) -> Iterable[tuple[str, int]]:
    if match := _NAME.fullmatch(name):
        number = _NUMBER.fullmatch(value)
        return [(match[1], int(number[1]))] if number else []
    if name in {"ratelimit", "ratelimit-policy"}:
        members = ((_MEANT.get(key, key), int(number)) for key, number in _MEMBER.findall(value))
        return [one for one in members if one[0] != "reset" or name == "ratelimit"]
    return []
