"""An issuer's published key set: fetched rarely, kept when it cannot be fetched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import jwt
import structlog

from sidecar.errors import OrganDown
from sidecar.identity import jwk
from sidecar.identity.keys import Key
from sidecar.identity.publisher import Publisher, Unpublished

_log = structlog.get_logger(__name__)

FRESH_S: Final = 600.0
"""Seconds for which a key set is used without asking again."""

RETRY_S: Final = 30.0
"""Seconds between a fetch that failed and the next, while an older set is in use."""

EMPTY_RETRY_S: Final = 1.0
"""The same while there is no key at all."""

FETCH_S: Final = 5.0
"""Seconds that one fetch may take."""

UNKNOWN_BURST: Final = 6
UNKNOWN_REFILL_S: Final = 10.0
"""Unknown key ids may cause six fetches at once, and one more every ten seconds."""


class KeySet:
    """An issuer's JWK set (RFC 7517), fetched when needed.

    Fetched at first use, after ten minutes, and for a key id that is not in it, so that a token
    signed by a new key verifies at once; tokens with made-up ids cannot cause more than six fetches
    a minute. One fetch runs at a time, and a caller who leaves does not break it off for others.
    A set that cannot be fetched leaves the last one in use.
    """

    def __init__(
        self,
        publisher: Publisher,
        algorithms: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publisher = publisher
        self._algorithms = frozenset(algorithms)
        self._clock = clock
        self._keys: dict[jwk.Named, jwt.PyJWK] = {}
        self._published: bytes = b""
        self._version = 0
        self._stale_at = self._retry_at = float("-inf")
        self._allowance, self._allowed_at = float(UNKNOWN_BURST), clock()
        self._fetching: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        """How often the keys have changed."""
        return self._version

    def is_stale(self) -> bool:
        """Whether the keys are older than ten minutes and a fetch may be tried."""
        now = self._clock()
        return now >= self._stale_at and now >= self._retry_at

    async def renew(self) -> None:
        """Fetch the set, or wait for the fetch that is under way. Failures are logged only."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.ensure_future(self._fetch())
        await asyncio.shield(self._fetching)

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key with that id for that algorithm; without an id, the only one that fits.

        Raises:
            OrganDown: No key set could be fetched so far.
        """
        if self.is_stale():
            await self.renew()
        key = self._lookup(kid, algorithm)
        if key is None and self._keys:
            key = await self._find_new(kid, algorithm)
        if not self._keys:
            raise OrganDown("no key set could be fetched", reason="keys_unreachable")
        return key

    async def _find_new(self, kid: str | None, algorithm: str) -> Key | None:
        """Look for a key that was published since the last fetch.

        A fetch that is under way may have left before the key was published, hence two tries.
        """
        for _ in range(2):
            is_joined = self._fetching is not None and not self._fetching.done()
            if not (is_joined or self._may_ask()):
                return None
            await self.renew()
            if (key := self._lookup(kid, algorithm)) is not None or not is_joined:
                return key
        return None

    def _may_ask(self) -> bool:
        now = self._clock()
        earned = (now - self._allowed_at) / UNKNOWN_REFILL_S
        self._allowance = min(float(UNKNOWN_BURST), self._allowance + earned)
        self._allowed_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _lookup(self, kid: str | None, algorithm: str) -> Key | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        return jwk.only(self._keys, algorithm)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S):
                body = await self._publisher.body()
            keys = jwk.keys_of(body, self._algorithms)
        except (Unpublished, TimeoutError, ValueError) as error:
            self._failed(str(error) or type(error).__name__)
            return
        if not keys:
            self._failed("no usable key")
            return
        self._retry_at = float("-inf")
        self._stale_at = self._clock() + FRESH_S
        if body != self._published:
            self._keys, self._published = keys, body
            self._version += 1

    def _failed(self, why: str) -> None:
        self._retry_at = self._clock() + (RETRY_S if self._keys else EMPTY_RETRY_S)
        _log.warning("key set not fetched", why=why, has_keys=bool(self._keys))
