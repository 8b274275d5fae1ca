"""Tokens: what is handed out verifies, and what could not verify is never handed out."""

import asyncio
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


def test_an_endpoint_token_is_url_safe_and_new_each_time():
    made = {identity.new_endpoint_token() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in made)


def test_the_hash_of_an_endpoint_token_is_an_hmac_that_nobody_makes_without_the_key():
    """The values of RFC 4231 section 4.3 (test case 2)."""
    wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert identity.endpoint_hash("what do ya want for nothing?", "Jefe") == wanted
    assert identity.endpoint_hash("t", "a" * 32) != identity.endpoint_hash("t", "b" * 32)


def test_a_short_key_of_endpoint_hashes_is_refused(tmp_path):
    (tmp_path / "key").write_text("k" * 31)
    with pytest.raises(ConfigError) as caught:
        identity.endpoint_key(tmp_path / "key")
    assert "k" * 31 not in str(caught.value)


def test_an_issued_token_verifies(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    token = identity.issue(
        SECRET, **NAMES, ttl_s=60, roles=["support"], claims={"client_id": "app", "purpose": "p"}
    )
    keys = identity.SecretKey(tmp_path / "secret")
    issuer = identity.Issuer("i", keys, ("HS256",), purpose_claim="purpose")
    directory = identity.Directory("k" * 32, [Endpoint("main", None)])
    verifier = identity.Verifier(directory, identity.Bearer("a", (issuer,)))
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


def test_a_secret_serves_one_algorithm_and_is_read_again_when_it_changes(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    key = identity.SecretKey(tmp_path / "secret")
    asyncio.run(key.renew())
    assert asyncio.run(key.find(None, "HS256")) == SECRET
    assert asyncio.run(key.find("any", "HS256")) == SECRET
    assert asyncio.run(key.find(None, "RS256")) is None
    assert (key.version, key.is_stale()) == (0, False)
    (tmp_path / "secret").write_text("t" * 40)
    assert asyncio.run(key.find(None, "HS256")) == "t" * 40
    assert key.version == 1
    (tmp_path / "secret").write_text("short")
    assert asyncio.run(key.find(None, "HS256")) == "t" * 40
    assert key.version == 1
