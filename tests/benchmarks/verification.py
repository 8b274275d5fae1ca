"""What verifying a caller costs: by a remembered token, a new one of each kind, many endpoints."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from identity_parts import Fixed

from sidecar import identity
from sidecar.model import Endpoint, Head

_AUDIENCE = "sidecar"
_MANY = 10_000
_KEY = "k" * 43
_SIGNERS: dict[str, Any] = {
    "HS256": "s" * 48,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}


async def measured(calls: int) -> dict[str, float]:
    """Median microseconds of one verification, by what is verified."""
    token = identity.new_endpoint_token()
    few, many = _directory(token, 9), _directory(token, _MANY - 1)
    found = {
        "remembered token": await _again(few, token, calls),
        f"remembered, {_MANY} endpoints": await _again(many, token, calls),
    }
    for algorithm in _SIGNERS:
        heads = [_head(token, algorithm, number) for number in range(calls)]
        found[f"new token, {algorithm}"] = await _median(_verifier(few), heads)
    return found


async def _again(directory: identity.Directory, token: str, calls: int) -> float:
    head, verifier = _head(token, "HS256", 0), _verifier(directory)
    await verifier.verify(head)
    return await _median(verifier, [head] * calls)


async def _median(verifier: identity.Verifier, heads: Sequence[Head]) -> float:
    times = []
    for head in heads:
        started = time.perf_counter()
        await verifier.verify(head)
        times.append((time.perf_counter() - started) * 1e6)
    return statistics.median(times)


def _directory(token: str, others: int) -> identity.Directory:
    hashes = [identity.endpoint_hash(str(number), _KEY) for number in range(others)]
    endpoints = [Endpoint(f"e-{number}", hashed) for number, hashed in enumerate(hashes)]
    ours = Endpoint("ours", identity.endpoint_hash(token, _KEY))
    return identity.Directory(_KEY, [*endpoints, ours])


def _verifier(directory: identity.Directory) -> identity.Verifier:
    issuers = tuple(
        identity.Issuer(name, Fixed({(None, name): _public(name)}), (name,)) for name in _SIGNERS
    )
    return identity.Verifier(directory, identity.Bearer(_AUDIENCE, issuers))


def _public(algorithm: str) -> identity.Key:
    signer = _SIGNERS[algorithm]
    if isinstance(signer, str):
        return signer
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(signer.public_key())
    return jwt.PyJWK(json.loads(jwk), algorithm)


def _head(token: str, algorithm: str, number: int) -> Head:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": algorithm,
        "aud": _AUDIENCE,
        "sub": "agent-1",
        "jti": str(number),
    }
    claims |= {"iat": now, "exp": now + 3600, "roles": ["support"], "scope": "use"}
    bearer = jwt.encode(claims, _SIGNERS[algorithm], algorithm)
    headers = (("host", "localhost"), ("authorization", f"Bearer {bearer}"))
    return Head("POST", f"/mcp/{token}", headers)
