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
        self._by_shared_hash: dict[str, Endpoint] = {}
        for endpoint in endpoints:
            self.put(endpoint)

    def __len__(self) -> int:
        return len(self._by_hash) + len(self._by_shared_hash)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter((*self._by_hash.values(), *self._by_shared_hash.values()))

    def hash_of(self, token: str) -> str:
        """The keyed hash by which an endpoint with this token is known here."""
        return endpoint_hash(token, self._key)

    def put(self, endpoint: Endpoint) -> None:
        """Add an endpoint, or put it in the place of the one with the same hash."""
        self._by_hash[endpoint.token_hash] = endpoint

    def share(self, endpoint: Endpoint, token: Rotating[str]) -> None:
        """Add an endpoint whose token stands in a file that its callers read as well.

        When the file changes, the new token opens the endpoint and the old one no longer does.
        A token that opens another endpoint never opens this one.

        Raises:
            ConfigError: The file's token is another endpoint's.
        """
        self._shared.append(_Shared(endpoint, token))
        if self._place():
            what = "its token is another endpoint's"
            raise ConfigError([Problem(f"endpoint {endpoint.name}", what, "make a new one")])

    def remove(self, token_hash: str) -> None:
        """Forget an endpoint at once; one that is not there is no error."""
        self._by_hash.pop(token_hash, None)

    def has(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint that was found earlier is still here, and as it was."""
        self._follow()
        return self._at(endpoint.token_hash) is endpoint

    def find(self, path: str) -> Endpoint | None:
        """The endpoint of exactly this path."""
        self._follow()
        if path == _ROOT:
            return self._by_hash.get(None)
        if not path.startswith(_PREFIX) or len(path) > _LONGEST_PATH or not path.isascii():
            return None
        digest = self.hash_of(path[len(_PREFIX) :])
        endpoint = self._at(digest)
        if endpoint is None or not hmac.compare_digest(endpoint.token_hash or "", digest):
            return None
        return endpoint

    def _at(self, token_hash: str | None) -> Endpoint | None:
        found = self._by_hash.get(token_hash)
        return self._by_shared_hash.get(token_hash or "") if found is None else found

    def _follow(self) -> None:
        """Take up the tokens of shared files that have changed."""
        if any(shared.token.value != shared.known for shared in self._shared):
            for name in self._place():
                _log.error("a shared token is another endpoint's, and opens nothing", endpoint=name)

    def _place(self) -> list[str]:
        """Find every shared endpoint by its token of now; gives those whose token is another's."""
        hashes = []
        for shared in self._shared:
            shared.known = shared.token.value
            hashes.append(self.hash_of(shared.known))
        before, self._by_shared_hash, lost = self._by_shared_hash, {}, []
        for shared, hashed in zip(self._shared, hashes, strict=True):
            if hashed in self._by_hash or hashes.count(hashed) > 1:
                lost.append(shared.endpoint.name)
                continue
            made = replace(shared.endpoint, token_hash=hashed)
            # The very object that callers were verified at, where nothing has changed for it.
            known = before.get(hashed)
            self._by_shared_hash[hashed] = known if known is not None and known == made else made
        return lost


@dataclass(slots=True)
class _Shared:
    """An endpoint, the file of its token, and the token that was taken up last."""

    endpoint: Endpoint
    token: Rotating[str]
    known: str = ""
