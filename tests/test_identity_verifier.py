"""Verify: whatever is sent, the answer is the right caller or a refusal that explains nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from identity_parts import (
    ALL,
    ASYMMETRIC,
    BOTH,
    GOOD,
    ISSUER,
    KEY,
    LEEWAY,
    MAIN,
    NOW,
    OPEN,
    OTHER_TOKEN,
    PUBLIC,
    URL_HASH,
    URL_TOKEN,
    head,
    make,
    signed,
    verify,
    why,
)

from sidecar import identity
from sidecar.errors import ConfigError, NotFound
from sidecar.model import Caller


def test_a_good_token_becomes_its_caller():
    token = signed(
        client_id="agent-7",
        scope="tools:read tools:write",
        roles=["support"],
        department="x",
        nbf=NOW,
        jti="1",
    )
    caller = verify(head(f"Bearer {token}"))
    assert caller == Caller(
        endpoint=MAIN,
        is_authenticated=True,
        issuer=ISSUER.name,
        subject="ann",
        client="agent-7",
        token_id="1",
        scopes=("tools:read", "tools:write"),
        roles=("support",),
        claims={
            "iss": ISSUER.name,
            "aud": "sidecar",
            "sub": "ann",
            "client_id": "agent-7",
            "scope": "tools:read tools:write",
            "roles": ["support"],
            "department": "x",
        },
        expires_at=GOOD["exp"] + LEEWAY,
    )


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer", "bEaReR"])
def test_the_scheme_is_read_in_any_case(scheme):
    assert verify(head(f"{scheme}  {signed()} ")).subject == "ann"


@pytest.mark.parametrize("algorithm", sorted(PUBLIC))
def test_each_kind_of_signature_verifies(algorithm):
    kid, key = PUBLIC[algorithm]
    token = signed(key=key, algorithm=algorithm, headers={"kid": kid})
    assert verify(head(f"Bearer {token}"), make(ALL, ASYMMETRIC)).subject == "ann"


def test_an_endpoint_token_alone_vouches_where_the_endpoint_says_so():
    caller = verify(head(path=f"/mcp/{URL_TOKEN}"))
    assert caller == Caller(OPEN, is_authenticated=False)


def test_an_endpoint_token_alone_is_not_enough_elsewhere():
    assert why(head(path=f"/mcp/{OTHER_TOKEN}")) == "no_token"


def test_a_bearer_token_that_nobody_asked_for_must_verify_too():
    path = f"/mcp/{URL_TOKEN}"
    assert verify(head(f"Bearer {signed()}", path=path)).is_authenticated
    assert why(head("Bearer bad", path=path)) == "malformed"
    assert why(head("Basic YTpi", path=path)) == "other_scheme"
    assert why(head("", path=path)) == "other_scheme"


def test_a_bearer_token_is_ignored_where_none_can_be_verified():
    alone = identity.Verifier(identity.Directory(KEY, [OPEN]), clock=lambda: NOW)
    caller = verify(head("Bearer bad", path=f"/mcp/{URL_TOKEN}"), alone)
    assert not caller.is_authenticated


@pytest.mark.parametrize("endpoint", [MAIN, BOTH, replace(MAIN, require_api_token_auth=False)])
def test_an_endpoint_that_would_stand_open_is_refused_at_the_start(endpoint):
    with pytest.raises(ConfigError):
        identity.Verifier(identity.Directory(KEY, [endpoint]))


def test_the_endpoint_at_mcp_always_needs_a_bearer_token():
    with pytest.raises(ConfigError, match="open to everybody"):
        make([replace(MAIN, require_api_token_auth=False)])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/mcp/",
        "/MCP",
        "/mcp//",
        "/mcp/x",
        "/mcp/TOKEN/",
        "/mcp//TOKEN",
        "/mcp/CUT",
        "/mcp/TOKEN ",
        "/mcp/SWAPPED",
        "/mcp/TOKEN?a=b",
        "/mcp/HASH",
        "/mcp?access_token=a",
        "/mcp/\u00e9",
        "/mcp/\ud800",
        "/mcp/" + "a" * 300,
        "//mcp",
        "/mcp;a",
    ],
)
def test_a_path_that_is_no_endpoint_is_not_found_whatever_is_sent(path):
    spellings = {
        "TOKEN": URL_TOKEN,
        "CUT": URL_TOKEN[:-1],
        "SWAPPED": URL_TOKEN.swapcase(),
        "HASH": URL_HASH,
    }
    for name, spelling in spellings.items():
        path = path.replace(name, spelling)
    assert why(head(f"Bearer {signed()}", path=path)) == "endpoint_unknown"


def test_without_an_endpoint_at_mcp_it_is_not_found():
    assert why(head(f"Bearer {signed()}"), make([OPEN])) == "endpoint_unknown"


def test_an_endpoint_ends_at_its_second_and_looks_unknown():
    ends = datetime.fromtimestamp(NOW, UTC)
    endpoints = [replace(OPEN, expires_at=ends)]
    path = f"/mcp/{URL_TOKEN}"
    caller = verify(head(path=path), make(endpoints, now=NOW - 0.001))
    assert caller.expires_at == NOW
    expired, unknown = NotFound(f"endpoint_expired: {OPEN.name}"), NotFound("endpoint_unknown")
    assert why(head(path=path), make(endpoints)) == str(expired)
    assert (expired.public, expired.status, expired.headers) == (
        unknown.public,
        unknown.status,
        unknown.headers,
    )


def test_a_remembered_token_does_not_outlive_its_endpoint():
    now = [NOW]
    endpoint = replace(MAIN, expires_at=datetime.fromtimestamp(NOW + 5, UTC))
    verifier = make([endpoint], now=lambda: now[0])
    assert verify(head(f"Bearer {signed()}"), verifier).expires_at == NOW + 5
    now[0] = NOW + 5
    assert why(head(f"Bearer {signed()}"), verifier) == f"endpoint_expired: {MAIN.name}"


def test_a_missing_token_is_challenged_without_an_error():
    assert why(head()) == "no_token"


@pytest.mark.parametrize(
    ("values", "slug"),
    [
        (("Bearer a", "Bearer b"), "two_headers"),
        ((f"Bearer {signed()}", f"Bearer {signed()}"), "two_headers"),
        ((f"Basic {signed()}",), "other_scheme"),
        ((signed(),), "other_scheme"),
        ((f"Bearer{signed()}",), "other_scheme"),
        ((f"Bearer\t{signed()}",), "other_scheme"),
        (("Bearer",), "malformed"),
        (("Bearer  ",), "malformed"),
        ((f"Bearer {signed()}, Bearer {signed()}",), "malformed"),
        ((f"Bearer {signed()} x",), "malformed"),
        ((f'Bearer "{signed()}"',), "malformed"),
        (("Bearer \u00e9",), "not_ascii"),
        (("Bearer a.b.c\ud800",), "not_ascii"),
        (("Bearer " + "a" * 8186,), "too_large"),
        (("Bearer " + "a" * 8185,), "malformed"),
    ],
)
def test_only_one_well_formed_header_is_read(values, slug):
    assert why(head(*values)) == slug


def test_a_token_in_the_query_is_no_token():
    assert why(head(path=f"/mcp?access_token={signed()}")) == "endpoint_unknown"
