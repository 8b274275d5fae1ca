"""The endpoints, found by the token in their path.

Theory of operation. An endpoint is known only by a keyed hash of its token (HMAC-SHA-256), so that
neither settings nor a store give away a URL, and nobody without the key can tell a token from its
hash. Whoever asks cannot choose the hash that is looked up, so the lookup's time tells nothing;
the final comparison takes constant time all the same.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import structlog

from sidecar.errors import ConfigError, Problem
from sidecar.identity.tokens import endpoint_hash
from sidecar.model import Endpoint
from sidecar.settings import Rotating

_log = structlog.get_logger("sidecar.identity")

_ROOT: Final = "/mcp"
_PREFIX: Final = "/mcp/"
_LONGEST_PATH: Final = 256


class Directory:
    """Every endpoint there is; finding one costs the same among ten thousand as among ten.

    Those whose token lies in a shared file are few, one for a pod: each costs every lookup a look
    at its file.

    `key` is the secret of the hashes. An endpoint without a hash is the one at `/mcp`.
    """

    def __init__(self, key: str, endpoints: Iterable[Endpoint] = ()) -> None:
        self._key = key
        self._by_hash: dict[str | None, Endpoint] = {}
        self._shared: list[_Shared] = []
        for endpoint in endpoints:
            self.put(endpoint)

    def __len__(self) -> int:
        return len(self._by_hash)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(tuple(self._by_hash.values()))

    def hash_of(self, token: str) -> str:
        """The keyed hash by which an endpoint with this token is known here."""
        return endpoint_hash(token, self._key)

    def put(self, endpoint: Endpoint) -> None:
        """Add an endpoint, or put it in the place of the one with the same hash."""
        self._by_hash[endpoint.token_hash] = endpoint

    def share(self, endpoint: Endpoint, token: Rotating[str]) -> None:
        """Add an endpoint whose token stands in a file that its callers read as well.

        When the file changes, the new token opens the endpoint and the old one no longer does.
        A token that opens another endpoint already opens that one alone.

        Raises:
            ConfigError: The file's token is another endpoint's.
        """
        shared = _Shared(endpoint, token)
        self._shared.append(shared)
        if not self._put_shared(shared):
            what = "its token is another endpoint's"
            raise ConfigError([Problem(f"endpoint {endpoint.name}", what, "make a new one")])

    def remove(self, token_hash: str) -> None:
        """Forget an endpoint at once; one that is not there is no error."""
        self._by_hash.pop(token_hash, None)

    def has(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint that was found earlier is still here, and as it was."""
        return self._by_hash.get(endpoint.token_hash) is endpoint

    def find(self, path: str) -> Endpoint | None:
        """The endpoint of exactly this path."""
        for shared in self._shared:
            if shared.token.value != shared.known:
                self._follow(shared)
        if path == _ROOT:
            return self._by_hash.get(None)
        if not path.startswith(_PREFIX) or len(path) > _LONGEST_PATH or not path.isascii():
            return None
        digest = self.hash_of(path[len(_PREFIX) :])
        endpoint = self._by_hash.get(digest)
        if endpoint is None or not hmac.compare_digest(endpoint.token_hash or "", digest):
            return None
        return endpoint

    def _follow(self, shared: _Shared) -> None:
        """Take up a token that has changed."""
        before = self._by_hash.get(self.hash_of(shared.known))
        if before is not None and before.reference == shared.endpoint.reference:
            self.remove(self.hash_of(shared.known))
        if not self._put_shared(shared):
            _log.error("a shared token is another endpoint's", endpoint=shared.endpoint.name)

    def _put_shared(self, shared: _Shared) -> bool:
        shared.known = shared.token.value
        hashed = self.hash_of(shared.known)
        if hashed in self._by_hash:
            return False
        self.put(replace(shared.endpoint, token_hash=hashed))
        return True


@dataclass(slots=True)
class _Shared:
    """An endpoint, the file of its token, and the token that opens it now."""

    endpoint: Endpoint
    token: Rotating[str]
    known: str = ""
