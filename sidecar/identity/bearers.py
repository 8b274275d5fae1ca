"""Bearer tokens of one audience: from the Authorization header to a Caller, and remembered.

A token is verified once and remembered, by its hash and for its endpoint, until it expires, its
issuer's keys change, or 4096 others were used since.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sidecar.errors import Refusal, ScopeMissing, Unauthenticated
from sidecar.identity import bearer as tokens
from sidecar.identity.bearer import Issuer, Verified
from sidecar.identity.challenge import Challenge
from sidecar.identity.claims import BadToken
from sidecar.identity.denylist import NOTHING, DenyList
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


class Bearers:
    """Authorization header in, Caller out. `clock` gives UTC seconds.

    `denied` gives what was revoked, anew for each request.
    """

    def __init__(
        self,
        bearer: Bearer,
        *,
        metadata_url: str = "",
        denied: Callable[[], DenyList] = lambda: NOTHING,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bearer = bearer
        self._issuers = {issuer.name: issuer for issuer in bearer.issuers}
        self._metadata_url = metadata_url
        self._denied = denied
        self._clock = clock
        self._known: OrderedDict[tuple[bytes, str], Verified] = OrderedDict()

    def meant_for(self, audience: str) -> Bearers:
        """The same issuers, deny list and clock for tokens of another audience.

        No scope is required of every token there, and challenges name no metadata, which is ours.
        """
        bearer = replace(self._bearer, audience=audience, scopes=())
        return Bearers(bearer, denied=self._denied, clock=self._clock)

    async def verify(
        self, head: Head, endpoint: Endpoint, scopes: tuple[str, ...] | None = None
    ) -> Caller:
        """Say who asks. `scopes` are wanted of this request; without them those of every token.

        Raises:
            Unauthenticated: The bearer token is missing or does not verify.
            ScopeMissing: It verifies and lacks a scope.
            OrganDown: The issuer's keys were never reached.
        """
        wanted = self._bearer.scopes if scopes is None else scopes
        challenge = Challenge(self._metadata_url, wanted)
        caller = Caller(endpoint, is_authenticated=False)
        try:
            caller = await self._authenticated(endpoint, _token(head.values("authorization")))
            _check_scopes(caller, wanted, challenge)
        except _NoToken as missing:
            refusal: Refusal = Unauthenticated(str(missing), headers=challenge.header())
        except BadToken as bad:
            refusal = Unauthenticated(str(bad), headers=challenge.header("invalid_token"))
        except ScopeMissing as lacking:
            refusal = lacking
        else:
            return caller
        # So that the log names the endpoint whose URL somebody has, and whose token lacks a scope.
        refusal.caller = caller
        raise refusal from None

    async def _authenticated(self, endpoint: Endpoint, token: str) -> Caller:
        caller = (await self._verified(endpoint, token, self._clock())).caller
        if self._denied().has_token(caller):
            raise BadToken("token_revoked")
        return caller

    async def _verified(self, endpoint: Endpoint, token: str, now: float) -> Verified:
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
            audience=self._bearer.audience,
            leeway=self._bearer.leeway,
            now=now,
        )
        self._known[slot] = fresh
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return fresh


def _check_scopes(caller: Caller, wanted: tuple[str, ...], challenge: Challenge) -> None:
    if not set(wanted) <= set(caller.scopes):
        headers = challenge.header("insufficient_scope")
        raise ScopeMissing("insufficient_scope", headers=headers)


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
