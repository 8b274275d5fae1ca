"""Verify: from the head of a request to a Caller, or to a refusal that says nothing to strangers.

The endpoint is found first, so that an unknown URL is a 404 whatever else was sent. The body is
never needed. A bearer token is verified once and remembered, by its hash and for its endpoint,
until it expires, the keys change, or 4096 others were used since.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from sidecar.errors import ConfigError, NotFound, Problem, Unauthenticated
from sidecar.identity import claims as read
from sidecar.identity.claims import refused
from sidecar.identity.keys import Keys
from sidecar.model import Caller, Endpoint, Head

REMEMBERED = 4096
LONGEST_HEADER = 8192
_LONGEST_PATH = 256
_PREFIX = "/mcp/"

_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 section 2.1
_TYPES = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})  # RFC 9068, 8725
_REFUSED_HEADERS = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"})

_SLUGS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.InvalidSignatureError, "bad_signature"),
    (jwt.InvalidAudienceError, "wrong_audience"),
    (jwt.InvalidIssuerError, "wrong_issuer"),
    (jwt.MissingRequiredClaimError, "missing_claim"),
    (jwt.InvalidAlgorithmError, "algorithm_refused"),
    (jwt.InvalidKeyError, "unusable_key"),
)


@dataclass(frozen=True, slots=True)
class Bearer:
    """How bearer tokens verify: the settings of that name without the keys' whereabouts.

    `leeway` is in seconds. Claim names may descend with dots.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    leeway: float = 30.0
    roles_claim: str = "roles"
    purpose_claim: str | None = None
    on_behalf_of_claim: str | None = None


class Verifier:
    """Endpoint token and bearer token in, Caller out. `clock` gives UTC seconds.

    Raises:
        ConfigError: An endpoint needs bearer tokens and there is no way to verify them.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        bearer: Bearer | None = None,
        keys: Keys | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoints = {endpoint.token_sha256: endpoint for endpoint in endpoints}
        self._bearer = bearer
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[tuple[bytes, str], tuple[Caller, float]] = OrderedDict()
        self._version = 0
        self._check(endpoints)

    async def verify(self, head: Head) -> Caller:
        """Say who asks.

        Raises:
            NotFound: No endpoint has this path, or it has expired.
            Unauthenticated: The bearer token is missing or does not verify.
            OrganDown: The issuer's keys were never reached.
        """
        now = self._clock()
        endpoint = self._endpoint(head.path, now)
        values = head.values("authorization")
        bearer, keys = self._bearer, self._keys
        if bearer is None or keys is None or not (values or endpoint.require_api_token_auth):
            return Caller(endpoint, is_authenticated=False, expires_at=_ends(endpoint))
        return await self._authenticated(endpoint, _token(values), bearer, keys, now)

    def _check(self, endpoints: Sequence[Endpoint]) -> None:
        """Refuse what would leave an endpoint open: settings see to it, and so does this."""
        is_able = self._bearer is not None and self._keys is not None
        for endpoint in endpoints:
            if not is_able and (endpoint.require_api_token_auth or endpoint.token_sha256 is None):
                where = f"endpoint {endpoint.name}"
                raise ConfigError([Problem(where, "needs bearer tokens", "set bearer")])
            if endpoint.token_sha256 is None and not endpoint.require_api_token_auth:
                raise ConfigError([Problem(f"endpoint {endpoint.name}", "is open to everybody")])

    def _endpoint(self, path: str, now: float) -> Endpoint:
        endpoint = self._named(path)
        if endpoint is None:
            raise NotFound("endpoint_unknown")
        ends = endpoint.expires_at
        if ends is not None and now >= ends.timestamp():
            # The log names it, so that its owner learns who still uses it; the caller sees a 404.
            raise NotFound(f"endpoint_expired: {endpoint.name}")
        return endpoint

    def _named(self, path: str) -> Endpoint | None:
        """The endpoint of exactly this path. The token's hash is compared in constant time."""
        if path == _PREFIX[:-1]:
            return self._endpoints.get(None)
        if not path.startswith(_PREFIX) or len(path) > _LONGEST_PATH or not path.isascii():
            return None
        digest = hashlib.sha256(path[len(_PREFIX) :].encode()).hexdigest()
        endpoint = self._endpoints.get(digest)
        if endpoint is None or not hmac.compare_digest(endpoint.token_sha256 or "", digest):
            return None
        return endpoint

    async def _authenticated(
        self, endpoint: Endpoint, token: str, bearer: Bearer, keys: Keys, now: float
    ) -> Caller:
        if keys.is_stale():
            await keys.renew()
        if keys.version != self._version:
            self._known.clear()
            self._version = keys.version
        slot = (hashlib.sha256(token.encode()).digest(), endpoint.name)
        known = self._known.get(slot)
        if known is not None and now < known[1]:
            self._known.move_to_end(slot)
            return known[0]
        caller, expires = await _verified(endpoint, token, bearer, keys, now)
        self._known[slot] = (caller, expires)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return caller


def _token(values: tuple[str, ...]) -> str:
    """The token of exactly one Authorization header with the scheme Bearer, in any case."""
    if not values:
        raise Unauthenticated("no_token", headers=(("www-authenticate", "Bearer"),))
    value = values[0]
    if len(values) > 1:
        raise refused("two_headers")
    if len(value) > LONGEST_HEADER:
        raise refused("too_large")
    if not value.isascii():
        raise refused("not_ascii")
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("other_scheme", headers=(("www-authenticate", "Bearer"),))
    return token.strip(" ")


async def _verified(
    endpoint: Endpoint, token: str, bearer: Bearer, keys: Keys, now: float
) -> tuple[Caller, float]:
    kid, algorithm = _header(token, bearer.algorithms)
    key = await keys.find(kid, algorithm)
    if key is None:
        raise refused("unknown_key")
    claims = _claims(token, key, algorithm, bearer)
    expires = read.check_times(claims, now, bearer.leeway)
    return _caller(endpoint, claims, bearer, expires), expires


def _header(token: str, algorithms: tuple[str, ...]) -> tuple[str | None, str]:
    """The key id and algorithm that a token names; anything that leads elsewhere is refused.

    A key id is only ever looked up among keys that are here: never a path, never a URL.
    """
    if token.count(".") != 2 or not _B64TOKEN.fullmatch(token):  # noqa: PLR2004  RFC 7515 section 7.1
        raise refused("malformed")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise refused("malformed") from None
    if _REFUSED_HEADERS & header.keys():
        raise refused("header_refused")
    kind, algorithm = header.get("typ", "JWT"), header.get("alg")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise refused("wrong_type")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise refused("algorithm_refused")
    return header.get("kid"), algorithm


def _claims(token: str, key: Any, algorithm: str, bearer: Bearer) -> Mapping[str, Any]:
    """The claims below a signature that verifies, for us and from our issuer.

    Times are checked by `claims.check_times`, which takes the clock as an argument.
    """
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=bearer.audience,
            issuer=bearer.issuer,
            options={
                "require": ["exp", "iss", "aud", "sub"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.PyJWTError as error:
        slugs = (slug for kind, slug in _SLUGS if isinstance(error, kind))
        raise refused(next(slugs, "malformed")) from None


def _caller(
    endpoint: Endpoint, claims: Mapping[str, Any], bearer: Bearer, expires: float
) -> Caller:
    """Read the caller out of verified claims.

    In a delegated token `sub` is the human and `act.sub` the agent that acts (RFC 8693 section
    4.1); so the subject is also on whose behalf, and the actor stands for a missing client id.
    """
    actor = read.actor(claims)
    subject = read.text(claims, "sub")
    if not subject:
        raise refused("missing_claim")
    mapped = read.text(claims, bearer.on_behalf_of_claim)
    scopes = claims["scope"] if "scope" in claims else claims.get("scp")
    ends = (expires + bearer.leeway, _ends(endpoint))
    return Caller(
        endpoint=endpoint,
        is_authenticated=True,
        issuer=bearer.issuer,
        subject=subject,
        client=read.text(claims, "client_id") or read.text(claims, "azp") or actor,
        scopes=read.words(scopes),
        roles=read.words(read.found(claims, bearer.roles_claim)),
        claims=read.kept(claims),
        on_behalf_of=mapped or (subject if actor else ""),
        purpose=read.text(claims, bearer.purpose_claim),
        expires_at=min(end for end in ends if end is not None),
    )


def _ends(endpoint: Endpoint) -> float | None:
    return None if endpoint.expires_at is None else endpoint.expires_at.timestamp()
