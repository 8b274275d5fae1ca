"""Verify: from the head of a request to a Caller, or to a refusal that says nothing to strangers.

The endpoint is found first, so that an unknown URL is a 404 whatever else was sent. The body is
never needed. A bearer token is verified once and remembered, by its hash and for its endpoint,
until it expires, its issuer's keys change, or 4096 others were used since.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sidecar.errors import ConfigError, NotFound, Problem, ScopeMissing, Unauthenticated
from sidecar.identity import bearer as tokens
from sidecar.identity.bearer import Issuer, Verified
from sidecar.identity.challenge import Challenge
from sidecar.identity.claims import BadToken
from sidecar.identity.denylist import NOTHING, DenyList
from sidecar.identity.directory import Directory
from sidecar.model import Caller, Endpoint, Head

REMEMBERED: Final = 4096
LONGEST_HEADER: Final = 8192


@dataclass(frozen=True, slots=True)
class Bearer:
    """How bearer tokens verify: for whom they must be meant, who may issue them, what they need.

    `leeway` is in seconds; `scopes` are those that a token must have, all of them.
    """

    audience: str
    issuers: tuple[Issuer, ...]
    leeway: float = 30.0
    scopes: tuple[str, ...] = ()


class Verifier:
    """Endpoint token and bearer token in, Caller out. `clock` gives UTC seconds.

    `denied` gives what was revoked, anew for each request.

    Raises:
        ConfigError: An endpoint needs bearer tokens and there is no way to verify them.
    """

    def __init__(
        self,
        directory: Directory,
        bearer: Bearer | None = None,
        *,
        metadata_url: str = "",
        denied: Callable[[], DenyList] = lambda: NOTHING,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._bearer = bearer
        self._issuers = {issuer.name: issuer for issuer in bearer.issuers} if bearer else {}
        self._challenge = Challenge(metadata_url, bearer.scopes if bearer else ())
        self._denied = denied
        self._clock = clock
        self._known: OrderedDict[tuple[bytes, str], Verified] = OrderedDict()
        for endpoint in directory:
            self._check(endpoint)

    async def verify(self, head: Head) -> Caller:
        """Say who asks.

        Raises:
            NotFound: No endpoint has this path, or it has expired or was revoked.
            Unauthenticated: The bearer token is missing or does not verify.
            ScopeMissing: It verifies and lacks a scope.
            OrganDown: The issuer's keys were never reached.
        """
        now = self._clock()
        endpoint = self._endpoint(head.path, now)
        values = head.values("authorization")
        bearer = self._bearer
        if bearer is None or not (values or endpoint.require_api_token_auth):
            return Caller(endpoint, is_authenticated=False, expires_at=_ends(endpoint))
        try:
            caller = await self._authenticated(endpoint, _token(values), bearer, now)
        except _NoToken as missing:
            raise Unauthenticated(str(missing), headers=self._challenge.header()) from None
        except BadToken as bad:
            headers = self._challenge.header("invalid_token")
            raise Unauthenticated(str(bad), headers=headers) from None
        if not set(bearer.scopes) <= set(caller.scopes):
            headers = self._challenge.header("insufficient_scope")
            raise ScopeMissing("insufficient_scope", headers=headers)
        return caller

    def is_welcome(self, caller: Caller) -> bool:
        """Whether neither a caller that was verified earlier nor its URL was revoked since."""
        denied = self._denied()
        is_there = self._directory.has(caller.endpoint)
        return is_there and not (denied.has_endpoint(caller.endpoint) or denied.has_token(caller))

    def _check(self, endpoint: Endpoint) -> None:
        """Refuse what would leave an endpoint open: settings see to it, and so does this."""
        is_at_mcp = endpoint.token_hash is None
        if self._bearer is None and (endpoint.require_api_token_auth or is_at_mcp):
            where = f"endpoint {endpoint.name}"
            raise ConfigError([Problem(where, "needs bearer tokens", "set bearer")])
        if is_at_mcp and not endpoint.require_api_token_auth:
            raise ConfigError([Problem(f"endpoint {endpoint.name}", "is open to everybody")])

    def _endpoint(self, path: str, now: float) -> Endpoint:
        endpoint = self._directory.find(path)
        if endpoint is None:
            raise NotFound("endpoint_unknown")
        # The log names it, so that its owner learns who still uses it; the caller sees a 404.
        ends = endpoint.expires_at
        if ends is not None and now >= ends.timestamp():
            raise NotFound(f"endpoint_expired: {endpoint.name}")
        if self._denied().has_endpoint(endpoint):
            raise NotFound(f"endpoint_revoked: {endpoint.name}")
        return endpoint

    async def _authenticated(
        self, endpoint: Endpoint, token: str, bearer: Bearer, now: float
    ) -> Caller:
        caller = (await self._verified(endpoint, token, bearer, now)).caller
        if self._denied().has_token(caller):
            raise BadToken("token_revoked")
        return caller

    async def _verified(
        self, endpoint: Endpoint, token: str, bearer: Bearer, now: float
    ) -> Verified:
        slot = (hashlib.sha256(token.encode()).digest(), endpoint.reference)
        known = self._known.get(slot)
        if known is not None and known.keys.is_stale():
            await known.keys.renew()
        if known is not None and known.holds(now) and known.caller.endpoint is endpoint:
            self._known.move_to_end(slot)
            return known
        fresh = await tokens.verified(
            token,
            endpoint,
            self._issuers,
            audience=bearer.audience,
            leeway=bearer.leeway,
            now=now,
        )
        self._known[slot] = fresh
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return fresh


class _NoToken(Exception):
    """Nothing was sent that could be a bearer token."""


def _token(values: tuple[str, ...]) -> str:
    """The token of exactly one Authorization header with the scheme Bearer, in any case."""
    if not values:
        raise _NoToken("no_token")
    value = values[0]
    if len(values) > 1:
        raise BadToken("two_headers")
    if len(value) > LONGEST_HEADER:
        raise BadToken("too_large")
    if not value.isascii():
        raise BadToken("not_ascii")
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer":
        raise _NoToken("other_scheme")
    return token.strip(" ")


def _ends(endpoint: Endpoint) -> float | None:
    return None if endpoint.expires_at is None else endpoint.expires_at.timestamp()
