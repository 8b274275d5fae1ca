"""Making tokens: endpoint tokens for URLs, and bearer tokens where a shared secret signs them."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt

from sidecar.errors import ConfigError, Problem
from sidecar.settings import secret as read_secret

SHORTEST_SECRET = 32
"""Bytes that an HS256 secret has at least (RFC 7518 section 3.2)."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")
_OURS = frozenset({"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "roles"})


def new_endpoint_token() -> str:
    """A new endpoint token of 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def endpoint_hash(token: str, key: str) -> str:
    """What settings and stores hold of an endpoint token: HMAC-SHA-256 in hex (RFC 2104)."""
    return hmac.digest(key.encode(), token.encode(), "sha256").hex()


def endpoint_token(path: Path) -> str:
    """Read an endpoint's token from a file that its callers read as well.

    Raises:
        ConfigError: The file is unusable, or holds no token of 32 to 128 URL-safe characters.
    """
    token = read_secret(path)
    if not _TOKEN.fullmatch(token):
        what = "holds no endpoint token: 32 to 128 characters of A-Z a-z 0-9 _ -"
        raise ConfigError([Problem(str(path), what, "make one: sidecar token secret FILE")])
    return token


def endpoint_key(path: Path) -> str:
    """Read the key of the endpoints' hashes.

    Raises:
        ConfigError: The file is unusable or the key has fewer than 32 bytes.
    """
    key = read_secret(path)
    if len(key.encode()) < SHORTEST_SECRET:
        what = f"has fewer than {SHORTEST_SECRET} bytes"
        raise ConfigError([Problem(str(path), what, "make one: sidecar token secret FILE")])
    return key


def issue(
    secret: str,
    *,
    issuer: str,
    audience: str,
    subject: str,
    ttl_s: int,
    roles: Sequence[str] = (),
    claims: Mapping[str, Any] | None = None,
) -> str:
    """Sign a bearer token (HS256) that is valid from now on for `ttl_s` seconds.

    `claims` adds further claims, such as `client_id`, `scope` or `purpose`.

    Raises:
        ConfigError: The secret is shorter than 32 bytes, the lifetime is not positive, a name is
            empty, or `claims` holds a claim that has its own argument.
    """
    named = {"issuer": issuer, "audience": audience, "subject": subject}
    extra = dict(claims or {})
    problems = [*_secret_problems(secret, "secret"), *_problems(named, ttl_s, extra)]
    if problems:
        raise ConfigError(problems)
    now = int(time.time())
    payload = extra | {"iss": issuer, "aud": audience, "sub": subject, "iat": now}
    payload |= {"exp": now + ttl_s, "jti": secrets.token_urlsafe(16), "roles": list(roles)}
    return jwt.encode(payload, secret, algorithm="HS256")


def check_secret(secret: str, where: str) -> None:
    """Refuse a secret that cannot sign.

    Raises:
        ConfigError: It has fewer than 32 bytes, or is a key or certificate of another kind.
    """
    if problems := _secret_problems(secret, where):
        raise ConfigError(problems)


def _secret_problems(secret: str, where: str) -> list[Problem]:
    if len(secret.encode()) < SHORTEST_SECRET:
        return [
            Problem(where, f"has fewer than {SHORTEST_SECRET} bytes", "openssl rand -base64 48")
        ]
    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(secret)
    except jwt.InvalidKeyError:
        what = "is a key or certificate of another kind, no shared secret"
        return [Problem(where, what, "publish a key set and set jwks_url")]
    return []


def _problems(named: Mapping[str, str], ttl_s: int, extra: Mapping[str, Any]) -> list[Problem]:
    found = [Problem(name, "is empty") for name, value in named.items() if not value]
    if ttl_s <= 0:
        found.append(Problem("lifetime", "is not positive", "seconds from now"))
    taken = sorted(_OURS & extra.keys())
    return found + [Problem(f"claim {name}", "has its own option", "use that") for name in taken]
