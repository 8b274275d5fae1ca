"""The keys that bearer tokens verify with: what the verifier asks of them, and keys in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import jwt

from sidecar.errors import ConfigError, Problem
from sidecar.identity import jwk
from sidecar.identity.tokens import check_secret
from sidecar.settings import Rotating, secret

Key = str | jwt.PyJWK
"""A shared secret, or a public key bound to one algorithm."""


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


class _FileKeys:
    """What secrets and public keys in a file share: a version that a changed file raises."""

    def __init__(self, file: Rotating[object]) -> None:
        self._file = file
        self._seen = file.value
        self._version = 0

    @property
    def version(self) -> int:
        """How often the file has changed to something usable."""
        found = self._file.value
        if found is not self._seen:
            self._seen = found
            self._version += 1
        return self._version

    def is_stale(self) -> bool:
        """Never: the file is looked at whenever its keys are asked for."""
        return False

    async def renew(self) -> None:
        """Nothing to do."""


class SecretKey(_FileKeys):
    """One shared secret for HS256, read again when its file changes. Key ids do not matter to it.

    Raises:
        ConfigError: The file is unusable or the secret has fewer than 32 bytes.
    """

    def __init__(self, path: Path) -> None:
        self._secret = Rotating(_checked_secret, path)
        super().__init__(self._secret)

    async def find(self, kid: str | None, algorithm: str) -> Key | None:  # noqa: ARG002  of Keys
        """The secret, for HS256 alone: no other algorithm may ever use it."""
        return self._secret.value if algorithm == "HS256" else None


class PublicKeys(_FileKeys):
    """Public keys in a file, as a JWK set or PEM, read again when the file changes.

    Raises:
        ConfigError: The file is unusable or holds no key for one of the algorithms.
    """

    def __init__(self, path: Path, algorithms: tuple[str, ...]) -> None:
        wanted = frozenset(algorithms)
        self._keys = Rotating(lambda file: _public(file, wanted), path)
        super().__init__(self._keys)

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key with that id; in a file without ids, or for a token without one, the only one."""
        keys = self._keys.value
        named = keys.get((kid, algorithm))
        if named is not None:
            return named
        has_ids = any(name is not None for name, _ in keys)
        return jwk.only(keys, algorithm) if kid is None or not has_ids else None


def _checked_secret(path: Path) -> str:
    text = secret(path)
    check_secret(text, str(path))
    return text


def _public(path: Path, algorithms: frozenset[str]) -> dict[jwk.Named, jwt.PyJWK]:
    text = secret(path)
    try:
        is_pem = text.lstrip().startswith("-----")
        keys = (
            jwk.keys_of_pem(text, algorithms) if is_pem else jwk.keys_of(text.encode(), algorithms)
        )
    except ValueError:
        what = "is neither a JWK set nor PEM public keys, one for each algorithm"
        raise ConfigError([Problem(str(path), what, "keys with ids: a JWK set")]) from None
    if not keys:
        what = f"holds no public key for {', '.join(sorted(algorithms))}"
        raise ConfigError([Problem(str(path), what, "set the issuer's algorithms")])
    return keys
