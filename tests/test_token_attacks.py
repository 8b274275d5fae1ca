"""Attacks on tokens, as one table: each is sent over HTTP to a sidecar that trusts a shared secret
and published keys, and none is verified, reaches the backend, or is told why.

Over 300 lines: most are one line of the table.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flow import AUDIENCE, ISSUER, SECRET, Flow, ask, flow
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from identity_parts import Fixed, forged

from sidecar import identity
from sidecar.errors import OrganDown, Refusal
from sidecar.identity import DenyList
from sidecar.model import Endpoint, Head

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]

OTHER = "https://published.example"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
PEM = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
JWK = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(RSA.public_key()))


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "agent-1", "iat": now, "exp": now + 300}
    made = good | {"jti": "j-1"} | changed
    return {name: value for name, value in made.items() if value is not ...}


def shared(key: str = SECRET, algorithm: str = "HS256", header: Any = None, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, header)


def published(header: Any = None, key: Any = RSA, algorithm: str = "RS256", **changed: Any) -> str:
    named = {"kid": "rsa"} | (header or {})
    return jwt.encode(claims(**{"iss": OTHER} | changed), key, algorithm, named)


def raw(header: Mapping[str, Any], key: bytes = SECRET.encode(), **changed: Any) -> str:
    """Signed with an HMAC whatever the header says."""
    return forged(dict(header), claims(**changed), key)


def recoded(token: str) -> str:
    """The same bits in the base64 of e-mails, with its padding."""
    head, body, tag = token.split(".")
    padded = base64.b64encode(base64.urlsafe_b64decode(body + "==")).decode()
    return f"{head}.{padded}.{tag}"


def swapped(first: str, second: str) -> str:
    """The head and signature of one token around the claims of another."""
    head, _, tag = first.split(".")
    return ".".join((head, second.split(".")[1], tag))


def flipped(token: str) -> str:
    """One bit of the signature is another."""
    head, body, tag = token.split(".")
    bits = bytearray(base64.urlsafe_b64decode(tag + "=="))
    bits[0] ^= 1
    return f"{head}.{body}.{base64.urlsafe_b64encode(bits).rstrip(b'=').decode()}"


def now() -> int:
    return int(time.time())


TOKENS: dict[str, Callable[[], str]] = {
    # ---- algorithms
    "alg none": lambda: raw({"typ": "JWT", "alg": "none"}),
    "alg none, unsigned": lambda: raw({"alg": "none"}).rpartition(".")[0] + ".",
    "alg None": lambda: raw({"alg": "None"}),
    "alg NONE": lambda: raw({"alg": "NONE"}),
    "alg missing": lambda: raw({"typ": "JWT"}),
    "alg empty": lambda: raw({"alg": ""}),
    "alg a list": lambda: raw({"alg": ["HS256"]}),
    "alg null": lambda: raw({"alg": None}),
    "alg lower case": lambda: raw({"alg": "hs256"}),
    "alg HS384": lambda: shared(algorithm="HS384", key=SECRET * 2),
    "alg HS512": lambda: shared(algorithm="HS512", key=SECRET * 2),
    "the public key as a shared secret": lambda: raw({"alg": "HS256"}, key=PEM, iss=OTHER),
    "the public key as a secret, with its kid": lambda: raw(
        {"alg": "HS256", "kid": "rsa"}, key=PEM, iss=OTHER
    ),
    "the shared secret for the other issuer": lambda: shared(iss=OTHER),
    "published keys for the issuer with a secret": lambda: published(iss=ISSUER),
    "RS256 said, HMAC done": lambda: raw({"alg": "RS256", "kid": "rsa"}, key=PEM, iss=OTHER),
    "PS256 instead of RS256": lambda: published(algorithm="PS256"),
    "ES256 with the id of an RSA key": lambda: published(key=EC, algorithm="ES256"),
    # ---- keys named by the token
    "kid a path": lambda: published({"kid": "../../../../dev/null"}),
    "kid a URL": lambda: published({"kid": "https://evil.example/keys"}),
    "kid SQL": lambda: published({"kid": "' or '1'='1"}),
    "kid empty": lambda: published({"kid": ""}),
    "kid a number": lambda: raw({"alg": "HS256", "kid": 1}),
    "kid null": lambda: raw({"alg": "HS256", "kid": None}),
    "kid a NUL": lambda: published({"kid": "rsa\0"}),
    "jku": lambda: published({"jku": "https://evil.example/keys"}),
    "x5u": lambda: published({"x5u": "https://evil.example/cert"}),
    "jwk": lambda: published({"jwk": JWK}),
    "x5c": lambda: published({"x5c": ["MIIB"]}),
    "crit unknown": lambda: raw({"alg": "HS256", "crit": ["x"], "x": 1}),
    "crit empty": lambda: raw({"alg": "HS256", "crit": []}),
    "crit exp": lambda: raw({"alg": "HS256", "crit": ["exp"], "exp": 1}),
    "b64 false": lambda: raw({"alg": "HS256", "b64": False}),
    "zip": lambda: raw({"alg": "HS256", "zip": "DEF"}),
    "encrypted": lambda: raw({"alg": "RSA-OAEP", "enc": "A256GCM"}),
    "a DPoP proof": lambda: raw({"alg": "HS256", "typ": "dpop+jwt"}),
    "a logout token": lambda: raw({"alg": "HS256", "typ": "logout+jwt"}),
    # ---- signatures
    "another secret": lambda: shared(key="x" * 40),
    "another key": lambda: published(key=rsa.generate_private_key(65537, 2048)),
    "no signature": lambda: shared().rpartition(".")[0] + ".",
    "two parts": lambda: shared().rpartition(".")[0],
    "four parts": lambda: shared() + ".AAAA",
    "changed claims": lambda: swapped(shared(), shared(sub="admin")),
    "a flipped bit": lambda: flipped(shared()),
    "recoded": lambda: recoded(shared(sub="??>>")),
    # ---- claims
    "aud missing": lambda: shared(aud=...),
    "aud another": lambda: shared(aud="other"),
    "aud a prefix of ours": lambda: shared(aud=AUDIENCE[:-1]),
    "aud ours and more": lambda: shared(aud=AUDIENCE + ".evil.example"),
    "aud in capitals": lambda: shared(aud=AUDIENCE.upper()),
    "aud a list of others": lambda: shared(aud=["a", "b"]),
    "aud an empty list": lambda: shared(aud=[]),
    "aud an object": lambda: raw({"alg": "HS256"}, aud={AUDIENCE: 1}),
    "iss missing": lambda: shared(iss=...),
    "iss another": lambda: shared(iss="https://evil.example"),
    "iss with a slash": lambda: shared(iss=ISSUER + "/"),
    "iss a list": lambda: raw({"alg": "HS256"}, iss=[ISSUER]),
    "sub missing": lambda: shared(sub=...),
    "sub empty": lambda: shared(sub=""),
    "sub a number": lambda: raw({"alg": "HS256"}, sub=7),
    "exp missing": lambda: shared(exp=...),
    "expired": lambda: shared(exp=now() - 31),
    "exp a text": lambda: raw({"alg": "HS256"}, exp="9999999999"),
    "exp beyond numbers": lambda: raw({"alg": "HS256"}, exp=float("inf")),
    "exp no number": lambda: raw({"alg": "HS256"}, exp=float("nan")),
    "nbf ahead": lambda: shared(nbf=now() + 60),
    "iat ahead": lambda: shared(iat=now() + 60),
    "revoked by jti": lambda: shared(jti="revoked"),
    "revoked by sub": lambda: shared(sub="revoked"),
    "claims a list": lambda: forged({"alg": "HS256"}, [1]),
    "act without sub": lambda: shared(act={"iss": "x"}),
    "scope missing": lambda: shared(scope="other"),
}
"""What each is, and the token; the sidecar wants the scope `use` of every token."""

HEADERS: dict[str, Callable[[], list[tuple[str, str]]]] = {
    "no header": list,
    "empty": lambda: [("authorization", "")],
    "the scheme alone": lambda: [("authorization", "Bearer")],
    "another scheme": lambda: [("authorization", f"Basic {good()}")],
    "no scheme": lambda: [("authorization", good())],
    "no blank": lambda: [("authorization", f"Bearer{good()}")],
    "two headers": lambda: [("authorization", f"Bearer {good()}")] * 2,
    "two tokens": lambda: [("authorization", f"Bearer {good()}, Bearer {good()}")],
    "quoted": lambda: [("authorization", f'Bearer "{good()}"')],
    "not ASCII": lambda: [("authorization", f"Bearer {good()}\u00e9")],
    "too large": lambda: [("authorization", f"Bearer {shared(scope='use', pad='x' * 9000)}")],
    "a proxy's header": lambda: [("proxy-authorization", f"Bearer {good()}")],
    "a cookie": lambda: [("cookie", f"token={good()}")],
    "forwarded identity": lambda: [("x-forwarded-user", "admin"), ("x-user", "admin")],
}


def good() -> str:
    return shared(scope="use")


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[Flow]:
    """A flow with two issuers, a scope that every token needs, and two revocations."""
    async with flow(folder) as f:
        secret = identity.SecretKey(folder / "secret")
        published_keys = Fixed({("rsa", "RS256"): jwt.PyJWK(JWK, "RS256")})
        issuers = (
            identity.Issuer(ISSUER, secret, ("HS256",)),
            identity.Issuer(OTHER, published_keys, ("RS256",)),
        )
        revoked = DenyList(jti=frozenset({"revoked"}), sub=frozenset({"revoked"}))
        bearer = identity.Bearer(AUDIENCE, issuers, scopes=("use",))
        verifier = identity.Verifier(f.directory, bearer, denied=lambda: revoked)
        f.road._organs = replace(f.road._organs, identity=verifier)
        yield f


async def sent(f: Flow, headers: list[tuple[str, str]], verb: str = "POST") -> httpx2.Response:
    body = [("content-type", "application/json")] if verb == "POST" else []
    content = b"this is no JSON, and nobody may get to read it" if verb == "POST" else None
    path = f"/mcp/{f.tokens['all']}"
    raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in [*body, *headers]]
    return await f.http.request(verb, path, headers=raw_headers, content=content)


async def refused(f: Flow, headers: list[tuple[str, str]], verb: str = "POST") -> str:
    """Send it, and check that it was refused in every respect; why, by the audit log."""
    reply = await sent(f, headers, verb)
    assert f.backend.sent == []
    (event,) = f.events()
    assert event["outcome"]["status"] == "refused"
    if len([name for name, _ in headers if name == "authorization"]) > 1:
        assert reply.status_code == 400
        return str(event["decision"]["reason"])
    assert reply.status_code in {401, 403}
    why = str(event["actor"]["auth_error"])
    challenge = reply.headers["www-authenticate"]
    assert challenge.startswith("Bearer")
    if reply.status_code == 403:
        assert challenge == 'Bearer error="insufficient_scope", scope="use"'
    else:
        assert why not in reply.text + challenge
    for _, value in headers:
        token = value.rpartition(" ")[2]
        assert len(token) < 20 or token not in f.log.read_text() + reply.text + challenge
    return why


async def test_the_table_is_long_enough_and_a_good_token_is_let_in(tmp_path):
    assert len(TOKENS) + len(HEADERS) >= 60
    async with guarded(tmp_path) as f:
        for token in (good(), published(scope="use"), published(scope="more use")):
            reply = await f.ask(ask("ping"), bearer=token)
            assert reply.status_code not in {401, 403}
        assert len(f.backend.sent) == 3
        assert (await sent(f, [("authorization", f"bearer {good()}")])).status_code == 400


@pytest.mark.parametrize("name", TOKENS)
async def test_no_token_of_the_table_is_verified(tmp_path, name):
    async with guarded(tmp_path) as f:
        why = await refused(f, [("authorization", f"Bearer {TOKENS[name]()}")])
        assert (why == "insufficient_scope") is (name == "scope missing")
        (event,) = f.events()
        actor = event["actor"]
        assert (actor["endpoint"], "subject" in actor) == ("all", name == "scope missing")


@pytest.mark.parametrize("name", HEADERS)
async def test_no_header_of_the_table_is_read_as_a_token(tmp_path, name):
    async with guarded(tmp_path) as f:
        await refused(f, HEADERS[name]())


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
@pytest.mark.parametrize("name", ["alg none", "expired", "aud another"])
async def test_other_verbs_want_a_token_as_well(tmp_path, name, verb):
    async with guarded(tmp_path) as f:
        await refused(f, [("authorization", f"Bearer {TOKENS[name]()}")], verb)


async def test_a_token_in_the_query_opens_nothing(tmp_path):
    async with guarded(tmp_path) as f:
        for path in ("/mcp", f"/mcp/{f.tokens['all']}"):
            reply = await f.http.post(f"{path}?access_token={good()}", content=b"{}")
            assert reply.status_code == 404
        assert f.backend.sent == []
        assert good().split(".")[1] not in f.log.read_text()


async def test_keys_that_cannot_be_had_refuse_everybody_and_open_nothing(tmp_path):
    class Down(Fixed):
        async def find(self, kid: str | None, algorithm: str) -> identity.Key | None:
            raise OrganDown(reason="keys_unreachable")

    async with flow(tmp_path) as f:
        issuer = identity.Issuer(ISSUER, Down({}), ("HS256",))
        verifier = identity.Verifier(f.directory, identity.Bearer(AUDIENCE, (issuer,)))
        f.road._organs = replace(f.road._organs, identity=verifier)
        assert (await sent(f, [("authorization", f"Bearer {good()}")])).status_code == 503
        assert f.backend.sent == []


PIECES = st.sampled_from(["Bearer", "bearer", "Basic", " ", "\t", ",", '"', "=", ";", "token="])
SHAPES = st.lists(
    PIECES | st.sampled_from(good().split(".")) | st.just(".") | st.text(max_size=8), max_size=9
).map("".join)


@pytest.mark.thorough
@given(st.lists(SHAPES, max_size=2))
@hypothesis(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_shape_of_header_but_the_one_is_verified(shapes):
    """Every way of writing the pieces of a good token; only RFC 6750's own form may pass."""
    headers = tuple(("authorization", shape) for shape in shapes)
    directory = identity.Directory("k" * 32, [Endpoint("main", None)])
    issuer = identity.Issuer(ISSUER, Fixed({(None, "HS256"): SECRET}), ("HS256",))
    verifier = identity.Verifier(directory, identity.Bearer(AUDIENCE, (issuer,)))
    try:
        asyncio.run(verifier.verify(Head("POST", "/mcp", headers)))
    except Refusal:
        return
    (only,) = shapes
    scheme, _, token = only.partition(" ")
    assert scheme.lower() == "bearer"
    assert jwt.decode(token.strip(" "), SECRET, ["HS256"], audience=AUDIENCE, issuer=ISSUER)
