"""Verify: from the head of a request to a Caller, or to a refusal that says nothing to strangers.

The endpoint is found first, so that an unknown URL is a 404 whatever else was sent. The body is
never needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sidecar.errors import ConfigError, NotFound, Problem
from sidecar.identity.bearers import Bearer, Bearers
from sidecar.identity.denylist import NOTHING, DenyList
from sidecar.identity.directory import Directory
from sidecar.model import Caller, Endpoint, Head


class Verifier:
    """Endpoint token and bearer token in, Caller out. `clock` gives UTC seconds.

    `denied` gives what was revoked, anew for each request. `bearers` is what verifies the bearer
    tokens, where there is a way to.

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
        self._denied = denied
        self._clock = clock
        self.bearers = (
            Bearers(bearer, metadata_url=metadata_url, denied=denied, clock=clock)
            if bearer
            else None
        )
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
        endpoint = self._endpoint(head.path, self._clock())
        is_asked_for = head.values("authorization") or endpoint.require_api_token_auth
        if self.bearers is None or not is_asked_for:
            return Caller(endpoint, is_authenticated=False, expires_at=_ends(endpoint))
        return await self.bearers.verify(head, endpoint)

    def is_welcome(self, caller: Caller) -> bool:
        """Whether neither a caller that was verified earlier nor its URL was revoked since."""
        denied = self._denied()
        is_there = self._directory.has(caller.endpoint)
        return is_there and not (denied.has_endpoint(caller.endpoint) or denied.has_token(caller))

    def _check(self, endpoint: Endpoint) -> None:
        """Refuse what would leave an endpoint open: settings see to it, and so does this."""
        is_at_mcp = endpoint.token_hash is None
        if self.bearers is None and (endpoint.require_api_token_auth or is_at_mcp):
            where = f"endpoint {endpoint.name}"
            raise ConfigError([Problem(where, "needs bearer tokens", "set bearer")])
        if is_at_mcp and not endpoint.require_api_token_auth:
            raise ConfigError([Problem(f"endpoint {endpoint.name}", "is open to everybody")])

    def _endpoint(self, path: str, now: float) -> Endpoint:
        endpoint = self._directory.find(path)
        if endpoint is None:
            raise NotFound("endpoint_unknown")
        # The log names it, so that its owner learns who still uses it; the caller sees a 404.
        # A provisioned endpoint's name is free text and may repeat: its id stands for it.
        ends = endpoint.expires_at
        if ends is not None and now >= ends.timestamp():
            raise NotFound(f"endpoint_expired: {endpoint.reference}")
        if self._denied().has_endpoint(endpoint):
            raise NotFound(f"endpoint_revoked: {endpoint.reference}")
        return endpoint


def _ends(endpoint: Endpoint) -> float | None:
    return None if endpoint.expires_at is None else endpoint.expires_at.timestamp()
