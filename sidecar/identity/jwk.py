"""Published keys to keys that verify: JWK sets (RFC 7517) and PEM. Pure, and narrow in trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate

Named = tuple[str | None, str]
"""Key id and algorithm, under which a key is found."""

MOST: Final = 100
"""Keys that one set may hold."""

_CURVES: Final = {
    "P-256": ("EC", "ES256"),
    "P-384": ("EC", "ES384"),
    "P-521": ("EC", "ES512"),
    "Ed25519": ("OKP", "EdDSA"),
}
_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_PEM: Final = "-----BEGIN "
_CERTIFICATE: Final = _PEM + "CERTIFICATE-----"


def keys_of(text: bytes | str, algorithms: frozenset[str]) -> dict[Named, jwt.PyJWK]:
    """The public signature keys of a JWK set, by id and algorithm.

    Keys for other uses or algorithms are ignored (RFC 7517 section 5), and so are two of one id
    and algorithm: nobody could tell which of them is meant.

    Raises:
        ValueError: It is no key set, or holds more than a hundred keys.
    """
    document = orjson.loads(text)
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or len(keys) > MOST:
        raise ValueError("not a key set")
    found: dict[Named, list[jwt.PyJWK]] = {}
    for name, key in usable(keys, algorithms):
        found.setdefault(name, []).append(key)
    return {name: same[0] for name, same in found.items() if len(same) == 1}


def keys_of_pem(text: str, algorithms: frozenset[str]) -> dict[Named, jwt.PyJWK]:
    """The public keys and certificates of a PEM file; they have no id.

    Raises:
        ValueError: A block is no public key, or two would serve the same algorithm.
    """
    blocks = [_PEM + block for block in text.split(_PEM)[1:]]
    found: dict[Named, jwt.PyJWK] = {}
    for block in blocks:
        for name, key in usable([_jwk(block)], algorithms):
            if name in found:
                raise ValueError("two keys for one algorithm")
            found[name] = key
    return found


def usable(keys: list[Any], algorithms: frozenset[str]) -> Iterator[tuple[Named, jwt.PyJWK]]:
    """Each key that is meant for signatures, once for every algorithm it fits."""
    for jwk in keys:
        if isinstance(jwk, dict) and _is_for_signatures(jwk):
            for algorithm in sorted(_fitting(jwk) & algorithms):
                if (key := _key(jwk, algorithm)) is not None:
                    yield (jwk.get("kid"), algorithm), key


def only(keys: Mapping[Named, jwt.PyJWK], algorithm: str) -> jwt.PyJWK | None:
    """The one key for an algorithm, when there is exactly one."""
    fitting = [key for (_, name), key in keys.items() if name == algorithm]
    return fitting[0] if len(fitting) == 1 else None


def _jwk(pem: str) -> dict[str, Any]:
    """A public key's JWK; any algorithm of its kind writes the same."""
    try:
        if pem.startswith(_CERTIFICATE):
            key: Any = load_pem_x509_certificate(pem.encode()).public_key()
        else:
            key = serialization.load_pem_public_key(pem.encode())
        for algorithm in ("RS256", "ES256", "EdDSA"):
            try:
                document: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(
                    key, as_dict=True
                )
            except (jwt.PyJWTError, AttributeError):
                continue
            return document
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("a block is no public key") from None
    raise ValueError("a block is no public key")


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
