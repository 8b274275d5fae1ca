"""The keys that bearer tokens verify with: one shared secret, or an issuer's published key set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx2
import jwt
import orjson
import structlog

from sidecar.errors import OrganDown
from sidecar.identity.tokens import check_secret
from sidecar.settings import secret

_log = structlog.get_logger(__name__)

Key = str | jwt.PyJWK
"""A shared secret, or a public key bound to one algorithm."""

FRESH_S = 600.0
"""Seconds for which a key set is used without asking again."""

RETRY_S = 30.0
"""Seconds between fetches that unknown key ids or failures cause."""

EMPTY_RETRY_S = 1.0
"""Seconds between fetches while there is no key at all."""

FETCH_S = 5.0
LARGEST = 262_144
_MOST_KEYS = 100

_CURVES = {
    "P-256": ("EC", "ES256"),
    "P-384": ("EC", "ES384"),
    "P-521": ("EC", "ES512"),
    "Ed25519": ("OKP", "EdDSA"),
}
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class Keys(Protocol):
    """Where the verifier finds keys. `version` grows whenever the set of keys changes."""

    @property
    def version(self) -> int:
        """A number that differs after every change."""

    def is_stale(self) -> bool:
        """Whether `renew` is due."""

    async def renew(self) -> None:
        """Bring the keys up to date; keeps the old ones where that fails."""

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key for a token's header, or None. Raises OrganDown while there is no key."""


class SecretKey:
    """One shared secret for HS256, read once. Key ids do not matter to it.

    Raises:
        ConfigError: The file is unusable or the secret has fewer than 32 bytes.
    """

    version = 0

    def __init__(self, path: Path) -> None:
        self._secret = secret(path)
        check_secret(self._secret, str(path))

    def is_stale(self) -> bool:
        """Never: a new secret needs a restart."""
        return False

    async def renew(self) -> None:
        """Nothing to do."""

    async def find(self, kid: str | None, algorithm: str) -> Key | None:  # noqa: ARG002  of Keys
        """The secret, for HS256 alone: no other algorithm may ever use it."""
        return self._secret if algorithm == "HS256" else None


class KeySet:
    """An issuer's JWK set (RFC 7517), fetched when needed.

    Fetched at first use, after ten minutes, and for an unknown key id at most every 30 seconds.
    One fetch runs at a time, and a caller who leaves does not break it off for the others. A set
    that cannot be fetched leaves the last one in use. Redirects are refused.
    """

    def __init__(
        self,
        url: str,
        http: httpx2.AsyncClient,
        *,
        algorithms: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._http = http
        self._algorithms = frozenset(algorithms)
        self._clock = clock
        self._keys: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._published: bytes = b""
        self._version = 0
        self._stale_at = self._retry_at = float("-inf")
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
        if key is None and self._clock() >= self._retry_at:
            await self.renew()
            key = self._lookup(kid, algorithm)
        if not self._keys:
            raise OrganDown("no key set could be fetched", reason="keys_unreachable")
        return key

    def _lookup(self, kid: str | None, algorithm: str) -> Key | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fitting = [key for (_, name), key in self._keys.items() if name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S):
                body = await self._body()
            keys = dict(_usable(orjson.loads(body), self._algorithms))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError) as error:
            self._failed(type(error).__name__)
            return
        if not keys:
            self._failed("no usable key")
            return
        self._retry_at = self._clock() + RETRY_S
        self._stale_at = self._clock() + FRESH_S
        if body != self._published:
            self._keys, self._published = keys, body
            self._version += 1

    def _failed(self, why: str) -> None:
        self._retry_at = self._clock() + (RETRY_S if self._keys else EMPTY_RETRY_S)
        _log.warning("key set not fetched", why=why, has_keys=bool(self._keys))

    async def _body(self) -> bytes:
        headers = {"accept": "application/jwk-set+json, application/json"}
        headers["accept-encoding"] = "identity"
        stream = self._http.stream("GET", self._url, headers=headers, follow_redirects=False)
        async with stream as response:
            encoding = response.headers.get("content-encoding", "identity")
            if response.status_code != httpx2.codes.OK or encoding != "identity":
                raise ValueError("not a plain 200")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LARGEST:
                    raise ValueError("too large")
            return bytes(body)


def _usable(
    document: Any, algorithms: frozenset[str]
) -> Iterator[tuple[tuple[str | None, str], jwt.PyJWK]]:
    """The public signature keys of a set, by id and algorithm. Others are ignored (section 5)."""
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise ValueError("not a key set")
    for jwk in keys:
        if isinstance(jwk, dict) and _is_for_signatures(jwk):
            for algorithm in sorted(_fitting(jwk) & algorithms):
                if (key := _key(jwk, algorithm)) is not None:
                    yield (jwk.get("kid"), algorithm), key


def _is_for_signatures(jwk: dict[str, Any]) -> bool:
    """RFC 7517 sections 4.2 and 4.3. A private key that was published is nobody's secret."""
    operations = jwk.get("key_ops", ["verify"])
    is_verifying = isinstance(operations, list) and "verify" in operations
    has_good_id = isinstance(jwk.get("kid"), str | None)
    return jwk.get("use", "sig") == "sig" and is_verifying and has_good_id and "d" not in jwk


def _fitting(jwk: dict[str, Any]) -> frozenset[str]:
    """The algorithms that a key's type and curve allow, or the one that it names itself."""
    kind, curve, named = jwk.get("kty"), jwk.get("crv"), jwk.get("alg")
    fitting = _RSA if kind == "RSA" else frozenset[str]()
    if isinstance(curve, str) and curve in _CURVES:
        of_kind, algorithm = _CURVES[curve]
        fitting = frozenset({algorithm}) if kind == of_kind else fitting
    return fitting if named is None else frozenset(name for name in fitting if name == named)


def _key(jwk: dict[str, Any], algorithm: str) -> jwt.PyJWK | None:
    try:
        return jwt.PyJWK(jwk, algorithm)
    except jwt.PyJWTError:
        return None
