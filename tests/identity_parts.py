"""Endpoints, keys and tokens, good and forged, for the tests of the identity organ."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sidecar import identity
from sidecar.errors import Refusal, Unauthenticated
from sidecar.model import Caller, Endpoint, Head

SECRET = "s" * 48
NOW = 1_900_000_000.0
KEY = "k" * 32
URL_TOKEN, OTHER_TOKEN = identity.new_endpoint_token(), identity.new_endpoint_token()
URL_HASH, OTHER_HASH = (identity.endpoint_hash(t, KEY) for t in (URL_TOKEN, OTHER_TOKEN))
OPEN = Endpoint("open", URL_HASH, require_api_token_auth=False)
MAIN = Endpoint("main", None)
BOTH = Endpoint("both", OTHER_HASH)
ALL = (MAIN, OPEN, BOTH)
AUDIENCE = "sidecar"
LEEWAY = 30.0

RSA = rsa.generate_private_key(65537, 2048)
SMALL_RSA = rsa.generate_private_key(65537, 1024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PUBLIC = {
    "RS256": ("rsa", RSA),
    "ES256": ("ec", EC),
    "EdDSA": ("ed", ED),
}


class Fixed:
    """Keys that are simply there. `version` is for a test to change."""

    def __init__(self, keys: dict[tuple[str | None, str], identity.Key]) -> None:
        self.keys = keys
        self.version = 0
        self.asked = 0
        self.stale = False

    def is_stale(self) -> bool:
        return self.stale

    async def renew(self) -> None:
        self.stale = False
        self.version += 1

    async def find(self, kid: str | None, algorithm: str) -> identity.Key | None:
        self.asked += 1
        return self.keys.get((kid, algorithm))


def public(key, algorithm):
    return jwt.PyJWK(
        json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())), algorithm
    )


SHARED = Fixed({(None, "HS256"): SECRET})
PAIRS = Fixed({(kid, name): public(key, name) for name, (kid, key) in PUBLIC.items()})
PAIRS.keys["small", "RS256"] = public(SMALL_RSA, "RS256")
ISSUER = identity.Issuer("https://issuer.example", SHARED, ("HS256",))
ASYMMETRIC = replace(ISSUER, keys=PAIRS, algorithms=tuple(PUBLIC))

GOOD: dict[str, Any] = {
    "iss": ISSUER.name,
    "aud": AUDIENCE,
    "sub": "ann",
    "iat": NOW - 10,
    "exp": NOW + 600,
}


def make(
    endpoints=ALL, *issuers: identity.Issuer, keys=None, now=NOW, scopes=(), **more
) -> identity.Verifier:
    """A verifier; `now` is a time, or a clock."""
    trusted = issuers or (ISSUER,)
    if keys is not None:
        trusted = tuple(replace(each, keys=keys) for each in trusted)
    bearer = identity.Bearer(AUDIENCE, trusted, LEEWAY, scopes)
    clock = now if callable(now) else lambda: now
    return identity.Verifier(identity.Directory(KEY, endpoints), bearer, clock=clock, **more)


def signed(claims=None, /, key=SECRET, algorithm="HS256", headers=None, **changed) -> str:
    payload = (GOOD if claims is None else claims) | changed
    payload = {name: value for name, value in payload.items() if value is not ...}
    return jwt.encode(payload, key, algorithm, headers)


def head(*authorization: str, path: str = "/mcp") -> Head:
    values = tuple(("authorization", value) for value in authorization)
    return Head("POST", path, (("host", "a"), *values, ("accept", "b")))


def verify(head: Head, verifier: identity.Verifier | None = None) -> Caller:
    return asyncio.run((verifier or make()).verify(head))


def why(head: Head, verifier: identity.Verifier | None = None) -> str:
    """The slug for the log, after checking that the caller learns nothing of it."""
    with pytest.raises(Refusal) as caught:
        verify(head, verifier)
    refusal = caught.value
    assert str(refusal) not in refusal.public
    assert all(str(refusal) not in value for _, value in refusal.headers)
    assert refusal.__cause__ is None
    assert refusal.__suppress_context__ or refusal.__context__ is None
    if isinstance(refusal, Unauthenticated):
        name, value = refusal.headers[0]
        assert name == "www-authenticate"
        is_without = str(refusal) in {"no_token", "other_scheme"}
        assert value == ("Bearer" if is_without else 'Bearer error="invalid_token"')
    return str(refusal)


def refused(token: str, verifier: identity.Verifier | None = None) -> str:
    return why(head(f"Bearer {token}"), verifier)


def forged(header: dict[str, object], payload: object = GOOD, key: bytes = SECRET.encode()) -> str:
    """A token whose header no library would write, with a good HMAC."""
    parts = [json.dumps(part).encode() for part in (header, payload)]
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    tag = hmac.new(key, body, hashlib.sha256).digest()
    return (body + b"." + base64.urlsafe_b64encode(tag).rstrip(b"=")).decode()
