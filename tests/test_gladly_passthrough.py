"""Invariant 10 at its source: a 429 leaves as it came, in both eras; the shared secret."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import pytest
from gladly_fixtures import BEARER, ERAS, Stack, stack
from mcp.client.client import Client as McpClient
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from sidecar.gladly.client import Answer
from sidecar.gladly.passthrough import Passthrough, rate_headers
from sidecar.gladly.simulator import THROTTLED

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def legacy_session(http: httpx2.Client, url: str) -> dict[str, str]:
    headers = {"Accept": "application/json, text/event-stream"}
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    answer = http.post(url, json=message, headers=headers)
    assert answer.status_code == 200
    headers |= {
        "Mcp-Session-Id": answer.headers["mcp-session-id"],
        "MCP-Protocol-Version": "2025-11-25",
    }
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert http.post(url, json=done, headers=headers).status_code == 202
    return headers


def raw_call(
    http: httpx2.Client, url: str, era: str, name: str, headers: dict[str, str] | None = None
):
    params: dict[str, Any] = {"name": name, "arguments": {}}
    if era == "auto":
        params["_meta"] = META
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": name,
        }
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    return http.post(url, json=message, headers=headers)


@pytest.mark.sockets
@pytest.mark.parametrize("has_retry_after", [True, False])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["list_all_gladly_agents", "list_all_gladly_public_answers"])
def test_a_429_leaves_byte_for_byte_and_is_asked_only_once(tmp_path, era, has_retry_after, name):
    with (
        stack(tmp_path, rate=1, has_retry_after=has_retry_after) as tight,
        httpx2.Client() as http,
    ):
        session = legacy_session(http, tight.url) if era == "legacy" else None
        first = raw_call(http, tight.url, era, "list_all_gladly_inboxes", session)
        assert (first.status_code, first.json()["id"]) == (200, 7)
        assert first.json()["result"]["structuredContent"]["result_count"] == 3
        assert first.headers["ratelimit-remaining"] == "0"
        over = raw_call(http, tight.url, era, name, session)
        assert (over.status_code, over.content) == (429, THROTTLED)
        assert over.headers["content-type"] == "application/json"
        assert over.headers.get("retry-after") == ("1" if has_retry_after else None)
        assert over.headers["ratelimit-limit-second"] == over.headers["ratelimit-limit"] == "1"
        assert over.headers["ratelimit-remaining-second"] == "0"
        assert over.headers["ratelimit-remaining"] == "0"
        assert over.headers["ratelimit-reset"] == "1"
        assert over.headers["ratelimit"] == '"second";r=0;t=1'
        assert len(tight.world.requests) == 2
        tight.clock.advance(1)
        later = raw_call(http, tight.url, era, "list_all_gladly_agents", session)
        assert later.status_code == 200


@pytest.mark.sockets
@pytest.mark.parametrize("era", ERAS)
def test_the_official_client_sees_a_429_as_an_error_and_goes_on(tmp_path, era):
    async def run(tight: Stack) -> CallToolResult:
        async with McpClient(tight.url, mode=era) as client:
            await client.call_tool("list_all_gladly_agents", {})
            with pytest.raises(MCPError):
                await client.call_tool("list_all_gladly_agents", {})
            tight.clock.advance(1)
            return await client.call_tool("list_all_gladly_agents", {})

    with stack(tmp_path, rate=1) as tight:
        assert not asyncio.run(run(tight)).is_error
        assert len(tight.world.requests) == 3


@pytest.mark.sockets
def test_with_a_shared_secret_only_its_bearer_is_answered(tmp_path):
    with stack(tmp_path, bearer=BEARER) as closed, httpx2.Client() as http:
        for headers in (
            [],
            [("Authorization", "Bearer wrong")],
            [("Authorization", BEARER)],
            [("Authorization", f"Bearer {BEARER}"), ("Authorization", "Bearer x")],
        ):
            answer = http.post(closed.url, headers=headers, json={})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        assert closed.world.requests == []
        for era in ERAS:
            assert not asyncio.run(_ask_with_bearer(closed.url, era)).is_error


async def _ask_with_bearer(url: str, era: str) -> CallToolResult:
    headers = {"Authorization": f"Bearer {BEARER}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(url, http_client=http)
        async with McpClient(transport, mode=era) as client:
            return await client.call_tool("list_all_gladly_agents", {})


def test_after_its_end_nothing_is_there():
    """(ours) As an endpoint of the sidecar: gone at the second."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("here")(scope, receive, send)

    async def statuses() -> list[int]:
        found = []
        for moment in (now - timedelta(seconds=1), now):
            app = Passthrough(inner, expires_at=now, clock=partial(max, moment, moment))
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://b") as http:
                found.append((await http.get("/mcp")).status_code)
        return found

    assert asyncio.run(statuses()) == [200, 404]


def test_rate_headers_are_made_only_from_what_gladly_sent():
    assert rate_headers(Answer(429, (("server", "kong"),), b"")) == ()
    waits = Answer(429, (("retry-after", "5"), ("ratelimit-limit-second", "10")), b"")
    assert dict(rate_headers(waits)) == {
        "retry-after": "5",
        "ratelimit-limit-second": "10",
        "ratelimit-limit": "10",
        "ratelimit-reset": "5",
    }
    both = (("ratelimit-limit-second", "10"), ("ratelimit-remaining-second", "0"))
    made = dict(rate_headers(Answer(429, both, b"")))
    assert made["ratelimit-policy"] == '"second";q=10;w=1'
    assert made["ratelimit"] == '"second";r=0;t=1'
    own = Answer(429, (("ratelimit-limit", "3"), ("ratelimit-limit-second", "10")), b"")
    assert dict(rate_headers(own))["ratelimit-limit"] == "3"
