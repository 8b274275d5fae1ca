"""Signatures and claims: a token that does not hold in every point is refused."""

from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from identity_parts import (
    ALL,
    ASYMMETRIC,
    EC,
    GOOD,
    ISSUER,
    NOW,
    RSA,
    SMALL_RSA,
    forged,
    head,
    make,
    refused,
    signed,
    verify,
)


def test_an_unsigned_token_is_refused():
    none = forged({"typ": "JWT", "alg": "none"})
    for token in (none, none.rpartition(".")[0] + ".", forged({"alg": "None"}), forged({})):
        assert refused(token) == "algorithm_refused"
        assert refused(token, make(ALL, ASYMMETRIC)) == "algorithm_refused"


def test_a_public_key_is_never_a_shared_secret():
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    token = forged({"typ": "JWT", "alg": "HS256", "kid": "rsa"}, key=pem)
    assert refused(token, make(ALL, ASYMMETRIC)) == "algorithm_refused"
    careless = replace(ASYMMETRIC, algorithms=("RS256", "HS256"))
    assert refused(token, make(ALL, careless)) == "unknown_key"


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": True},
        {"crit": []},
        {"b64": True},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "oct", "k": "c3Nzcw"}},
        {"x5c": ["MIIB"]},
        {"zip": "DEF"},
    ],
)
def test_a_header_that_changes_how_to_verify_is_refused(extra):
    assert refused(forged({"alg": "HS256", **extra})) in {"header_refused", "malformed"}


@pytest.mark.parametrize("kid", ["../../dev/null", "https://evil.example/k", "' or 1=1", "a" * 999])
def test_a_key_id_is_only_looked_up(kid):
    token = signed(key=EC, algorithm="ES256", headers={"kid": kid})
    assert refused(token, make(ALL, ASYMMETRIC)) == "unknown_key"


@pytest.mark.parametrize("kid", [1, None, ["a"], {"a": 1}])
def test_a_key_id_that_is_no_text_is_refused(kid):
    assert refused(forged({"alg": "HS256", "kid": kid})) == "malformed"


@pytest.mark.parametrize("kind", ["dpop+jwt", "logout+jwt", "secevent+jwt", 1, None, ""])
def test_a_token_of_another_type_is_refused(kind):
    assert refused(forged({"alg": "HS256", "typ": kind})) == "wrong_type"


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "application/at+JWT"])
def test_the_types_of_access_tokens_are_read(kind):
    assert verify(head(f"Bearer {forged({'alg': 'HS256', 'typ': kind})}")).subject == "ann"


def test_a_changed_token_is_refused():
    token = signed()
    header, payload, tag = token.split(".")
    other = signed(sub="eve").split(".")[1]
    assert refused(f"{header}.{other}.{tag}") == "bad_signature"
    assert refused(signed(key="t" * 48)) == "bad_signature"
    assert refused(f"{header}.{payload}.") == "bad_signature"
    assert refused(f"{header}.{payload}") == "malformed"
    assert refused(f"{token}.{tag}") == "malformed"


def test_a_key_that_is_too_small_verifies_nothing():
    with pytest.warns(match="RSA key is 1024 bits"):
        token = signed(key=SMALL_RSA, algorithm="RS256", headers={"kid": "small"})
    assert refused(token, make(ALL, ASYMMETRIC)) == "unusable_key"


def test_a_signature_by_another_key_of_the_issuer_is_refused():
    token = signed(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")
    kid_ec = jwt.encode(
        GOOD, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "ec"}
    )
    assert refused(kid_ec, make(ALL, ASYMMETRIC)) == "bad_signature"
    assert refused(token, make(ALL, ASYMMETRIC)) == "unknown_key"


@pytest.mark.parametrize("name", ["exp", "iss", "aud", "sub"])
@pytest.mark.parametrize("value", [..., None])
def test_a_required_claim_that_is_missing_is_refused(name, value):
    payload = {key: item for key, item in GOOD.items() if key != name}
    payload |= {} if value is ... else {name: value}
    assert refused(forged({"alg": "HS256"}, payload)) == "missing_claim"


@pytest.mark.parametrize(
    ("changed", "slug"),
    [
        ({"aud": "sidecar2"}, "wrong_audience"),
        ({"aud": "side"}, "wrong_audience"),
        ({"aud": "SIDECAR"}, "wrong_audience"),
        ({"aud": "https://sidecar"}, "wrong_audience"),
        ({"aud": ["sidecar2", "other"]}, "wrong_audience"),
        ({"aud": ["sidecar", 1]}, "wrong_audience"),
        ({"aud": {"sidecar": 1}}, "wrong_audience"),
        ({"aud": []}, "missing_claim"),
        ({"iss": "https://issuer.example/"}, "wrong_issuer"),
        ({"iss": ["https://issuer.example"]}, "wrong_issuer"),
        ({"sub": 7}, "malformed"),
        ({"sub": ""}, "missing_claim"),
        ({"sub": "\ud800"}, "malformed_claims"),
        ({"exp": NOW - 30}, "expired"),
        ({"exp": NOW - 30.5}, "expired"),
        ({"exp": "9999999999"}, "malformed_claims"),
        ({"exp": True}, "malformed_claims"),
        ({"exp": 10**400}, "malformed_claims"),
        ({"exp": float("inf")}, "malformed_claims"),
        ({"exp": float("nan")}, "malformed_claims"),
        ({"nbf": NOW + 31}, "not_yet_valid"),
        ({"iat": NOW + 31}, "not_yet_valid"),
        ({"nbf": "0"}, "malformed_claims"),
        ({"iat": None}, "malformed_claims"),
        ({"jti": 1}, "malformed"),
        ({"roles": 5}, "malformed_claims"),
        ({"roles": ["a", 1]}, "malformed_claims"),
        ({"scope": {"a": 1}}, "malformed_claims"),
        ({"client_id": 5}, "malformed_claims"),
        ({"act": "agent"}, "malformed_claims"),
        ({"act": {}}, "malformed_claims"),
        ({"act": {"sub": "a", "act": {"sub": 1}}}, "malformed_claims"),
        ({"big": 2**70}, "malformed_claims"),
        ({"text": "\ud83d"}, "malformed_claims"),
    ],
)
def test_a_claim_that_does_not_hold_is_refused(changed, slug):
    assert refused(forged({"alg": "HS256"}, GOOD | changed)) == slug


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["other", "sidecar"]},
        {"exp": NOW - 29},
        {"nbf": NOW + 30},
        {"iat": NOW + 30},
        {"iat": ...},
        {"exp": NOW + 0.5},
    ],
)
def test_a_claim_within_its_bounds_holds(changed):
    assert verify(head(f"Bearer {signed(**changed)}")).subject == "ann"


@pytest.mark.parametrize("payload", [[], "text", 1, None])
def test_claims_that_are_no_object_are_refused(payload):
    assert refused(forged({"alg": "HS256"}, payload)) == "malformed"


def test_claims_that_nest_too_deeply_are_refused():
    deep: object = 1
    for _ in range(300):
        deep = [deep]
    assert refused(forged({"alg": "HS256"}, GOOD | {"deep": deep})) == "malformed_claims"


def test_claims_that_grow_when_written_out_are_refused(monkeypatch):
    monkeypatch.setattr("sidecar.identity.claims.LONGEST", 500)
    assert refused(signed(pad="a" * 500)) == "too_large"


def test_roles_and_scopes_are_read_in_their_usual_forms():
    issuer = replace(ISSUER, roles_claim="realm.roles")
    token = signed(realm={"roles": "a b"}, scp=["x", "y"], azp="app")
    caller = verify(head(f"Bearer {token}"), make(ALL, issuer))
    assert (caller.roles, caller.scopes, caller.client) == (("a", "b"), ("x", "y"), "app")


def test_a_claim_whose_own_name_has_dots_is_found_first():
    issuer = replace(ISSUER, roles_claim="https://x.example/roles")
    caller = verify(
        head(f"Bearer {signed(**{'https://x.example/roles': ['a']})}"), make(ALL, issuer)
    )
    assert caller.roles == ("a",)


def test_claims_that_are_not_there_give_nothing():
    caller = verify(head(f"Bearer {signed()}"))
    assert (caller.roles, caller.scopes, caller.client) == ((), (), "")
    assert (caller.on_behalf_of, caller.purpose) == ("", "")


def test_in_a_delegated_token_the_subject_is_the_human_and_the_actor_the_agent():
    """RFC 8693 section 4.1: `act` identifies who acts for `sub`; inner actors acted before."""
    act = {"sub": "agent", "act": {"sub": "earlier"}}
    caller = verify(head(f"Bearer {signed(act=act)}"))
    assert (caller.on_behalf_of, caller.client, caller.subject) == ("ann", "agent", "ann")
    named = verify(head(f"Bearer {signed(act=act, client_id='app')}"))
    assert (named.on_behalf_of, named.client) == ("ann", "app")


def test_a_chain_of_actors_has_an_end():
    act: dict[str, object] = {"sub": "a"}
    for _ in range(8):
        act = {"sub": "a", "act": act}
    assert refused(signed(act=act)) == "malformed_claims"


def test_mapped_claims_are_read():
    issuer = replace(ISSUER, purpose_claim="why", on_behalf_of_claim="act.sub")
    caller = verify(head(f"Bearer {signed(why='support', act={'sub': 'bea'})}"), make(ALL, issuer))
    assert (caller.purpose, caller.on_behalf_of) == ("support", "bea")
    assert refused(signed(why=["a"]), make(ALL, issuer)) == "malformed_claims"
