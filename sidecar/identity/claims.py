"""What the claims of a verified token say of the caller. Pure; the signature was checked before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sidecar.errors import Unauthenticated

CHALLENGE = (("www-authenticate", 'Bearer error="invalid_token"'),)
"""To a caller whose token was refused (RFC 6750 section 3.1). The reason stays with us."""

LONGEST = 8192
"""Bytes of claims, as JSON, that travel with a caller."""

_DEEPEST_ACTOR = 8
_NOT_KEPT = frozenset({"exp", "nbf", "iat", "jti"})
_LATEST = 2**53


def refused(slug: str) -> Unauthenticated:
    """A refusal of a token that was sent; `slug` is for the log alone."""
    return Unauthenticated(slug, headers=CHALLENGE)


def check_times(claims: Mapping[str, Any], now: float, leeway: float) -> float:
    """Check `exp`, `nbf` and `iat` (RFC 7519 section 4.1) and return `exp`.

    Raises:
        Unauthenticated: `expired`, `not_yet_valid`, or `malformed_claims` for what is no number.
    """
    expires = _number(claims["exp"])
    if now >= expires + leeway:
        raise refused("expired")
    for name in ("nbf", "iat"):
        if name in claims and _number(claims[name]) > now + leeway:
            raise refused("not_yet_valid")
    return expires


def kept(claims: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy without the time claims, as JSON can say it.

    Raises:
        Unauthenticated: They are too large, too deep, or no valid text.
    """
    try:
        packed = orjson.dumps({k: v for k, v in claims.items() if k not in _NOT_KEPT})
    except TypeError:  # orjson's: a lone surrogate, an integer beyond 64 bits, nested too deep
        raise refused("malformed_claims") from None
    if len(packed) > LONGEST:
        raise refused("too_large")
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
        Unauthenticated: It is there and is no text.
    """
    value = found(claims, name) if name else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise refused("malformed_claims")
    return value


def words(value: Any) -> tuple[str, ...]:
    """Roles or scopes: text with spaces between, or a list of texts. None is none.

    Raises:
        Unauthenticated: It is anything else.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise refused("malformed_claims")


def actor(claims: Mapping[str, Any]) -> str:
    """Who acts for the subject: the outermost `act.sub` (RFC 8693 section 4.1), or nobody.

    Inner actors acted earlier and decide nothing, but the whole chain must be well formed.

    Raises:
        Unauthenticated: An actor without a `sub`, or a chain of more than eight.
    """
    acting, depth = claims.get("act"), 0
    first = ""
    while acting is not None:
        subject = acting.get("sub") if isinstance(acting, Mapping) else None
        depth += 1
        if not isinstance(subject, str) or not subject or depth > _DEEPEST_ACTOR:
            raise refused("malformed_claims")
        first = first or subject
        acting = acting.get("act")
    return first


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -_LATEST <= value <= _LATEST:  # neither NaN nor infinity is between
        raise refused("malformed_claims")
    return float(value)
