"""Key sets: fetched rarely, trusted narrowly, and what is withdrawn no longer counts."""

import asyncio
import json

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from issuer_parts import ALGORITHMS, EC, EC_JWK, ED, ED_JWK, RSA, RSA_JWK, Issuer, found
from starlette.responses import Response

from sidecar.errors import Unauthenticated
from sidecar.identity import jwk as module
from sidecar.model import Head


@pytest.fixture
def issuer():
    return Issuer()


def test_a_token_signed_by_a_published_key_verifies(issuer):
    async def main() -> str:
        verifier = issuer.verifier()
        claims = {"iss": "i", "aud": "a", "sub": "ann", "exp": 60}
        for key, name, kid in ((RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")):
            token = jwt.encode(claims, key, name, headers={"kid": kid})
            head = Head("POST", "/mcp", (("authorization", f"Bearer {token}"),))
            caller = await verifier.verify(head)
        return str(caller.subject)

    assert asyncio.run(main()) == "ann"
    assert issuer.asked == 1


def test_each_key_serves_the_algorithms_of_its_type_alone(issuer):
    assert found(
        issuer,
        ("rsa", "RS256"),
        ("ec", "ES256"),
        ("ed", "EdDSA"),
        ("rsa", "ES256"),
        ("ec", "EdDSA"),
        ("rsa", "HS256"),
        ("none", "RS256"),
    ) == [True, True, True, False, False, False, False]


def test_only_the_named_algorithms_are_served(issuer):
    assert found(issuer, ("rsa", "RS256"), ("ec", "ES256"), algorithms=("ES256",)) == [False, True]


@pytest.mark.parametrize(
    "key",
    [
        RSA_JWK | {"use": "enc"},
        RSA_JWK | {"use": 5},
        RSA_JWK | {"key_ops": ["encrypt"]},
        RSA_JWK | {"key_ops": "verify"},
        RSA_JWK | {"alg": "RS512"},
        RSA_JWK | {"alg": "HS256"},
        RSA_JWK | {"alg": ["RS256"]},
        RSA_JWK | {"n": 5},
        RSA_JWK | {"e": None},
        RSA_JWK | {"d": "AQAB"},
        RSA_JWK | {"kid": 5},
        {"kty": "oct", "k": "c" * 60, "kid": "rsa"},
        {"kty": "oct", "k": "c" * 60, "kid": "rsa", "alg": "RS256"},
        {"kid": "rsa"},
        "rsa",
        None,
    ],
)
def test_a_key_that_is_not_meant_for_this_is_ignored(issuer, key):
    issuer.keys = [key, EC_JWK]
    assert found(issuer, ("rsa", "RS256"), ("rsa", "HS256"), ("ec", "ES256")) == [
        False,
        False,
        True,
    ]


def test_uses_that_allow_verifying_are_respected(issuer):
    issuer.keys = [RSA_JWK | {"use": "sig", "key_ops": ["verify"], "alg": "RS256"}]
    assert found(issuer, ("rsa", "RS256")) == [True]


def test_without_a_key_id_the_only_fitting_key_is_taken(issuer):
    assert found(issuer, (None, "RS256")) == [True]
    issuer.keys = [RSA_JWK, RSA_JWK | {"kid": "other"}]
    assert found(issuer, (None, "RS256")) == [False]


def test_keys_that_nobody_could_tell_apart_are_none(issuer):
    nameless = {name: value for name, value in EC_JWK.items() if name != "kid"}
    issuer.keys = [RSA_JWK, RSA_JWK | {"alg": "RS256"}, nameless, nameless, ED_JWK]
    assert found(issuer, ("rsa", "RS256"), (None, "ES256"), ("ed", "EdDSA")) == [False, False, True]


def test_a_set_is_kept_for_ten_minutes(issuer):
    async def main() -> list[int]:
        keys, asked = issuer.key_set(), []
        for issuer.now in (0.0, 599.0, 600.0, 601.0):
            await keys.find("rsa", "RS256")
            asked.append(issuer.asked)
        return asked

    assert asyncio.run(main()) == [1, 1, 2, 2]


def test_unknown_key_ids_cause_six_fetches_and_then_one_in_ten_seconds(issuer):
    async def main() -> list[int]:
        keys, asked = issuer.key_set(), []
        for issuer.now in (1000.0, 1009.0, 1010.0, 1029.0, 1031.0):
            for number in range(20):
                assert await keys.find(f"made-up-{number}", "RS256") is None
            asked.append(issuer.asked)
        return asked

    assert asyncio.run(main()) == [7, 7, 8, 9, 10]


def test_a_key_published_during_a_fetch_is_found_by_the_next(issuer):
    """The fetch that a token joins may have left before its key was published."""

    async def main() -> tuple[object, object]:
        issuer.keys = [RSA_JWK]
        keys = issuer.key_set()
        await keys.find("rsa", "RS256")
        issuer.gate, issuer.reached = asyncio.Event(), asyncio.Event()
        issuer.answer = Response(json.dumps({"keys": [RSA_JWK]}))
        first = asyncio.ensure_future(keys.find("ec", "ES256"))
        await asyncio.wait_for(issuer.reached.wait(), 5)
        second = asyncio.ensure_future(keys.find("ec", "ES256"))
        await asyncio.sleep(0)  # it has joined the fetch
        issuer.gate.set()
        missed = await first
        issuer.answer, issuer.keys = None, [RSA_JWK, EC_JWK]
        return missed, await second

    missed, found_later = asyncio.run(main())
    assert missed is None
    assert found_later is not None


def test_a_new_key_is_found_and_an_old_one_forgotten(issuer):
    async def main() -> tuple[object, object, int]:
        keys = issuer.key_set()
        await keys.find("rsa", "RS256")
        issuer.keys = [EC_JWK]
        new = await keys.find("new", "ES256"), await keys.find("ec", "ES256")
        return new[1], await keys.find("rsa", "RS256"), keys.version

    new, old, version = asyncio.run(main())
    assert new is not None
    assert old is None
    assert version == 2


def test_a_set_that_did_not_change_keeps_its_version(issuer):
    async def main() -> int:
        keys = issuer.key_set()
        for _ in range(3):
            await keys.renew()
        return int(keys.version)

    assert asyncio.run(main()) == 1


def test_one_fetch_serves_all_who_wait(issuer):
    async def main() -> None:
        issuer.gate = asyncio.Event()
        keys = issuer.key_set()
        waiting = [asyncio.ensure_future(keys.find("rsa", "RS256")) for _ in range(20)]
        await issuer.reached.wait()
        issuer.gate.set()
        assert None not in await asyncio.gather(*waiting)

    asyncio.run(main())
    assert issuer.asked == 1


def test_a_caller_who_leaves_does_not_end_the_fetch_of_others(issuer):
    async def main() -> None:
        issuer.gate = asyncio.Event()
        keys = issuer.key_set()
        first = asyncio.ensure_future(keys.find("rsa", "RS256"))
        second = asyncio.ensure_future(keys.find("rsa", "RS256"))
        await issuer.reached.wait()
        first.cancel()
        await asyncio.wait([first])
        issuer.gate.set()
        assert await second is not None

    asyncio.run(main())
    assert issuer.asked == 1


def test_a_key_that_was_withdrawn_refuses_tokens_that_were_remembered(issuer):
    async def main() -> str:
        verifier = issuer.verifier()
        claims = {"iss": "i", "aud": "a", "sub": "ann", "exp": 60}
        token = jwt.encode(claims, EC, "ES256", headers={"kid": "ec"})
        head = Head("POST", "/mcp", (("authorization", f"Bearer {token}"),))
        await verifier.verify(head)
        issuer.keys, issuer.now = [RSA_JWK], issuer.now + 600
        with pytest.raises(Unauthenticated) as caught:
            await verifier.verify(head)
        return str(caught.value)

    assert asyncio.run(main()) == "unknown_key"


MEMBERS = st.sampled_from(["kty", "crv", "n", "e", "x", "y", "d", "kid", "use", "key_ops", "alg"])
VALUES = (
    st.none()
    | st.integers()
    | st.lists(st.text(max_size=3), max_size=2)
    | st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "sig", "AQAB"])
    | st.text(max_size=6)
)
CHANGED = st.builds(
    lambda base, changes: base | changes,
    st.sampled_from([RSA_JWK, EC_JWK, ED_JWK]),
    st.dictionaries(MEMBERS, VALUES, max_size=3),
)


@given(st.lists(CHANGED | st.dictionaries(MEMBERS, VALUES) | VALUES, max_size=4))
@settings(deadline=None, max_examples=150)
def test_any_published_document_gives_keys_for_signatures_or_none(published):
    usable = dict(module.usable(published, frozenset({*ALGORITHMS, "HS256"})))
    assert all(name in ALGORITHMS for _, name in usable)
