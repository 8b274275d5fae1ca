"""What the claims of a verified token say of the caller. Pure; the signature was checked before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sidecar.errors import SidecarError

LONGEST = 8192
"""Bytes of claims, as JSON, that travel with a caller."""

_DEEPEST_ACTOR = 8
_NOT_KEPT = frozenset({"exp", "nbf", "iat", "jti"})
_LATEST = 2**53


class BadToken(SidecarError):
    """A token that was sent does not verify; its text is a slug for the log alone."""


def check_times(claims: Mapping[str, Any], now: float, leeway: float) -> float:
    """Check `exp`, `nbf` and `iat` (RFC 7519 section 4.1) and return `exp`.

    Raises:
        BadToken: `expired`, `not_yet_valid`, or `malformed_claims` for what is no number.
    """
    expires = _number(claims["exp"])
    if now >= expires + leeway:
        raise BadToken("expired")
    for name in ("nbf", "iat"):
        if name in claims and _number(claims[name]) > now + leeway:
            raise BadToken("not_yet_valid")
    return expires


def kept(claims: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy without the time claims, as JSON can say it.

    Raises:
        BadToken: They are too large, too deep, or no valid text.
    """
    try:
        packed = orjson.dumps({k: v for k, v in claims.items() if k not in _NOT_KEPT})
    except TypeError:  # orjson's: a lone surrogate, an integer beyond 64 bits, nested too deep
        raise BadToken("malformed_claims") from None
    if len(packed) > LONGEST:
        raise BadToken("too_large")
    copy: dict[str, Any] = orjson.loads(packed)
    return copy


def found(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name, or where the dots in it lead (`realm_access.roles`), or None."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def text(claims: Mapping[str, Any], name: str | None) -> str:
    """A claim that is text; empty when it is not mapped or not there.

    Raises:
        BadToken: It is there and is no text.
    """
    value = found(claims, name) if name else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadToken("malformed_claims")
    return value


def words(value: Any) -> tuple[str, ...]:
    """Roles or scopes: text with spaces between, or a list of texts. None is none.

    Raises:
        BadToken: It is anything else.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise BadToken("malformed_claims")


def actor(claims: Mapping[str, Any]) -> str:
    """Who acts for the subject: the outermost `act.sub` (RFC 8693 section 4.1), or nobody.

    Inner actors acted earlier and decide nothing, but the whole chain must be well formed.

    Raises:
        BadToken: An actor without a `sub`, or a chain of more than eight.
    """
    acting, depth = claims.get("act"), 0
    first = ""
    while acting is not None:
        subject = acting.get("sub") if isinstance(acting, Mapping) else None
        depth += 1
        if not isinstance(subject, str) or not subject or depth > _DEEPEST_ACTOR:
            raise BadToken("malformed_claims")
        first = first or subject
        acting = acting.get("act")
    return first


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -_LATEST <= value <= _LATEST:  # neither NaN nor infinity is between
        raise BadToken("malformed_claims")
    return float(value)
