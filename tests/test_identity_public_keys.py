"""Keys in a file: a JWK set or PEM, read again when the file changes."""

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from issuer_parts import ALGORITHMS, EC, EC_JWK, ED, RSA, RSA_JWK

from sidecar import identity
from sidecar.errors import ConfigError


def pem(key) -> str:
    return str(
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def certificate(key) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=9))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def kept(folder: Path, text: str) -> identity.PublicKeys:
    (folder / "keys").write_text(text)
    return identity.PublicKeys(folder / "keys", ALGORITHMS)


def has(keys: identity.PublicKeys, kid: str | None, algorithm: str) -> bool:
    return asyncio.run(keys.find(kid, algorithm)) is not None


def test_a_set_gives_keys_by_id_and_without_an_id_the_only_one(tmp_path):
    keys = kept(tmp_path, json.dumps({"keys": [RSA_JWK, EC_JWK]}))
    assert has(keys, "rsa", "RS256")
    assert has(keys, None, "ES256")
    assert not has(keys, "rsa", "ES256")
    assert not has(keys, "other", "RS256")


def test_pem_keys_have_no_ids_and_serve_the_algorithms_of_their_kind(tmp_path):
    keys = kept(tmp_path, pem(RSA) + pem(EC) + pem(ED))
    for algorithm in ALGORITHMS:
        assert has(keys, None, algorithm)
        assert has(keys, "any", algorithm)
    assert not has(keys, None, "HS256")
    assert has(kept(tmp_path, certificate(EC)), "any", "ES256")


@pytest.mark.parametrize(
    "text",
    [
        "no keys",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        pem(EC) + pem(ec.generate_private_key(ec.SECP256R1())),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        EC.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    ],
)
def test_a_file_without_good_keys_is_refused_without_a_word_of_it(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        kept(tmp_path, text)
    assert text[:20] not in str(caught.value)


def test_a_changed_file_raises_the_version_and_a_broken_one_does_not(tmp_path):
    keys = kept(tmp_path, pem(EC))
    assert (keys.version, keys.is_stale()) == (0, False)
    (tmp_path / "keys").write_text(pem(RSA))
    assert keys.version == 1
    assert not has(keys, None, "ES256")
    (tmp_path / "keys").write_text("broken")
    assert keys.version == 1
    assert has(keys, None, "RS256")


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda b: "-----BEGIN " + b.hex()))
@hypothesis(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_keys_or_a_problem(tmp_path, text):
    (tmp_path / "keys").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError):
        identity.PublicKeys(tmp_path / "keys", ALGORITHMS)
