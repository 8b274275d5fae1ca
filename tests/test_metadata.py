"""The authorization spec's duties, as the official client reads them (RFC 9728, RFC 6750)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from flow import AUDIENCE, ISSUER, Flow, ask, flow, token
from mcp.client.auth.utils import (
    build_protected_resource_metadata_discovery_urls,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
)
from mcp.shared.auth import ProtectedResourceMetadata
from settings_parts import written

from sidecar import entrance, identity, settings
from sidecar.endpoint import Endpoint

pytestmark = pytest.mark.anyio

PUBLIC = "https://mcp.example.com/mcp"
SETTINGS = f"""\
public_url: {PUBLIC}
backend: {{url: http://127.0.0.1:9000/mcp}}
bearer:
  audience: {AUDIENCE}
  required_scopes: [gladly:use]
  issuers: [{{issuer: {ISSUER}, jwks_url: {ISSUER}/keys}}]
endpoints: [{{name: support}}]
audit: {{folder: FOLDER/audit}}
"""


@asynccontextmanager
async def published(folder: Path) -> AsyncIterator[tuple[Flow, httpx2.AsyncClient]]:
    """A flow that wants a scope and publishes metadata, as its settings say; and its caller."""
    loaded = settings.load(written(folder, SETTINGS))
    async with flow(folder) as f:
        issuer = identity.Issuer(ISSUER, identity.SecretKey(folder / "secret"), ("HS256",))
        bearer = identity.Bearer(AUDIENCE, (issuer,), scopes=("gladly:use",))
        url = entrance.metadata_url(PUBLIC)
        verifier = identity.Verifier(f.directory, bearer, metadata_url=url)
        f.road._organs = replace(f.road._organs, identity=verifier)
        application = Endpoint(f.road, 1 << 20, 5.0, entrance.documents(loaded))
        transport = httpx2.ASGITransport(application)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
            yield f, http


def challenge(f: Flow, reply: httpx2.Response) -> tuple[str | None, str | None]:
    """What the official client reads out of a challenge; no token of ours is in it."""
    assert all(one not in str(reply.headers) + reply.text for one in f.tokens.values())
    return extract_resource_metadata_from_www_auth(reply), extract_scope_from_www_auth(reply)


async def test_the_official_client_finds_whose_tokens_count_from_a_challenge(tmp_path):
    async with published(tmp_path) as (f, http):
        path = f"/mcp/{f.tokens['all']}"
        reply = await http.post(path, content=b"{}", headers={"content-type": "application/json"})
        assert reply.status_code == 401
        where, scope = challenge(f, reply)
        assert where == "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
        assert scope == "gladly:use"
        found = await http.get(where.removeprefix("https://mcp.example.com"))
        told = ProtectedResourceMetadata.model_validate_json(found.content)
        assert (str(told.resource), [str(s) for s in told.authorization_servers]) == (
            PUBLIC,
            [ISSUER],
        )
        assert told.scopes_supported == ["gladly:use"]


async def test_the_places_where_a_client_looks_by_itself_hold_the_same_for_everybody(tmp_path):
    async with published(tmp_path) as (f, http):
        places = build_protected_resource_metadata_discovery_urls(None, PUBLIC)
        replies = [
            await http.get(place.removeprefix("https://mcp.example.com"), headers={"host": host})
            for place in places
            for host in ("mcp.example.com", "evil.example")
        ]
        assert len(replies) == 4
        assert {reply.status_code for reply in replies} == {200}
        assert len({reply.content for reply in replies}) == 1
        assert b"evil" not in replies[0].content
        token_path = f"/.well-known/oauth-protected-resource/mcp/{f.tokens['all']}"
        assert (await http.get(token_path)).status_code == 404
        assert f.tokens["all"] not in f.log.read_text()


async def test_metadata_is_only_ever_read(tmp_path):
    async with published(tmp_path) as (f, http):
        for verb in ("POST", "PUT", "DELETE", "OPTIONS"):
            path = "/.well-known/oauth-protected-resource"
            assert (await http.request(verb, path)).status_code == 404
        assert f.backend.sent == []


async def test_a_good_token_without_a_scope_is_403_and_names_all_that_are_needed(tmp_path):
    async with published(tmp_path) as (f, http):
        path, sent = f"/mcp/{f.tokens['all']}", {"content-type": "application/json"}
        lacking = sent | {"authorization": f"Bearer {token()}"}
        reply = await http.post(path, json=ask("tools/list"), headers=lacking)
        assert reply.status_code == 403
        assert challenge(f, reply)[1] == "gladly:use"
        assert 'error="insufficient_scope"' in reply.headers["www-authenticate"]
        bad = sent | {"authorization": f"Bearer {token(audience='other')}"}
        reply = await http.post(path, json=ask("tools/list"), headers=bad)
        assert (reply.status_code, f.backend.sent) == (401, [])
        assert "insufficient" not in reply.headers["www-authenticate"]
        good = sent | {"authorization": f"Bearer {token(claims={'scope': 'gladly:use'})}"}
        await http.post(path, json=ask("ping"), headers=good)
        assert len(f.backend.sent) == 1
