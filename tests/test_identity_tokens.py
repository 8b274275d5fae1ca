"""Tokens: what is handed out verifies, and what could not verify is never handed out."""

import asyncio
import hashlib
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sidecar import identity
from sidecar.errors import ConfigError
from sidecar.model import Endpoint, Head

SECRET = "s" * 32
NAMES: dict[str, Any] = {"issuer": "i", "audience": "a", "subject": "ann"}


def pem() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def test_an_endpoint_token_is_url_safe_new_each_time_and_matches_its_hash():
    made = [identity.new_endpoint_token() for _ in range(50)]
    assert len({token for token, _ in made}) == 50
    for token, digest in made:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
        assert digest == hashlib.sha256(token.encode()).hexdigest()


def test_an_issued_token_verifies(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    token = identity.issue(
        SECRET, **NAMES, ttl_s=60, roles=["support"], claims={"client_id": "app", "purpose": "p"}
    )
    bearer = identity.Bearer("i", "a", ("HS256",), purpose_claim="purpose")
    verifier = identity.Verifier(
        [Endpoint("main", None)], bearer, identity.SecretKey(tmp_path / "secret")
    )
    head = Head("POST", "/mcp", (("authorization", f"Bearer {token}"),))
    caller = asyncio.run(verifier.verify(head))
    assert (caller.subject, caller.client, caller.purpose) == ("ann", "app", "p")
    assert caller.roles == ("support",)


def test_everything_wrong_with_a_token_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        identity.issue(
            "short", issuer="", audience="a", subject="", ttl_s=0, claims={"sub": "b", "exp": 1}
        )
    assert [problem.where for problem in caught.value.problems] == [
        "secret",
        "issuer",
        "subject",
        "lifetime",
        "claim exp",
        "claim sub",
    ]
    assert "short" not in str(caught.value)


@pytest.mark.parametrize(
    "make", [lambda: "s" * 31, pem, lambda: '{"kty": "oct", "k": "' + "a" * 40 + '"}']
)
def test_a_secret_that_is_short_or_another_kind_of_key_is_refused(tmp_path, make):
    secret = make()
    (tmp_path / "secret").write_text(secret)
    with pytest.raises(ConfigError) as caught:
        identity.SecretKey(tmp_path / "secret")
    assert secret not in str(caught.value)
    with pytest.raises(ConfigError):
        identity.issue(secret, **NAMES, ttl_s=1)


def test_a_secret_serves_one_algorithm_and_never_goes_stale(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    key = identity.SecretKey(tmp_path / "secret")
    asyncio.run(key.renew())
    assert asyncio.run(key.find(None, "HS256")) == SECRET
    assert asyncio.run(key.find("any", "HS256")) == SECRET
    assert asyncio.run(key.find(None, "RS256")) is None
    assert (key.version, key.is_stale()) == (0, False)
