"""The doctor says what is wrong and what to do; of what is right it says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from flow import tool_list
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from test_cli_serve import configured, serving_at
from world import served

from sidecar import identity
from sidecar.local.doctor import examine
from sidecar.local.finding import Finding
from sidecar.local.visit import visit

pytestmark = pytest.mark.sockets


def examined(config: Path, url: str = "", bearer: str = "") -> list[Finding]:
    async def run() -> list[Finding]:
        return [finding async for finding in examine(config, url, bearer)]

    return asyncio.run(run())


def by_level(findings: list[Finding], level: str) -> list[str]:
    assert all(f.remedy for f in findings if f.level != "ok")
    return [f.what for f in findings if f.level == level]


async def _listing(request: Request) -> Response:
    asked = await request.json()
    return Response(
        tool_list("list_all_gladly_inboxes", "brand_new").body.replace(
            b'"id":1', b'"id":%d' % asked["id"]
        ),
        media_type="application/json",
    )


@pytest.fixture
def backend() -> Iterator[str]:
    with served(Starlette(routes=[Route("/mcp", _listing, methods=["POST"])])) as url:
        yield f"{url}/mcp"


def changed(file: Path, **sections: Any) -> Path:
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | sections))
    return file


def test_a_sidecar_that_runs_well_has_nothing_wrong_but_what_nobody_reviewed(tmp_path, backend):
    token = identity.new_endpoint_token()
    digest = identity.endpoint_hash(token, "s" * 48)
    endpoint = {"name": "open", "token_hash": digest, "require_api_token_auth": False}
    config = configured(tmp_path, backend={"url": backend}, endpoints=[endpoint])
    with serving_at(config) as (_, mcp, _):
        findings = examined(config, f"{mcp}/mcp/{token}")
    assert by_level(findings, "problem") == []
    assert by_level(findings, "warning") == [
        "the backend has 2 tools; refused as unknown: brand_new"
    ]
    said = " ".join(by_level(findings, "ok"))
    assert "the audit log's chain holds" in said
    assert "the sidecar is ready" in said
    assert "shows this caller 1 tools" in said


def test_a_sidecar_that_does_not_run_is_told_with_its_backend(tmp_path):
    findings = examined(configured(tmp_path))
    problems = by_level(findings, "problem")
    assert any(p.startswith("the backend's list of tools cannot be read") for p in problems)
    assert any(p.startswith("no sidecar answers at http://127.0.0.1:") for p in problems)
    assert any(p.startswith("nothing listens for clients at 127.0.0.1:") for p in problems)
    assert by_level(findings, "warning") == [f"no audit log in {tmp_path / 'audit'} yet"]


def test_settings_that_cannot_be_used_are_all_that_is_told(tmp_path):
    config = changed(configured(tmp_path), audit={"folder": str(tmp_path), "reads": "sometimes"})
    findings = examined(config)
    assert [f.level for f in findings] == ["problem"]
    assert "audit.reads" in findings[0].what


def test_endpoints_that_ended_or_soon_will_are_warned_of(tmp_path):
    now = datetime.now(UTC)
    ends = {"over": -timedelta(hours=1), "soon": timedelta(hours=1), "later": timedelta(days=9)}
    endpoints = [
        {"name": name, "token_hash": f"{n}" * 64, "expires_at": (now + away).isoformat()}
        for n, (name, away) in enumerate(ends.items())
    ]
    warnings = by_level(examined(configured(tmp_path, endpoints=endpoints)), "warning")
    assert [w.split(" at ")[0] for w in warnings[:2]] == [
        "endpoint over expired",
        "endpoint soon expires",
    ]
    assert not any("later" in warning for warning in warnings)


def test_a_broken_chain_and_a_log_that_is_nearly_full_are_told(tmp_path):
    config = configured(tmp_path)
    with serving_at(config):
        pass
    log = tmp_path / "audit" / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"start", b"stolen", 1))
    small = {"folder": str(tmp_path / "audit"), "max_bytes": 1 << 20}
    findings = examined(changed(config, audit=small))
    assert any("chain is broken at line 1" in what for what in by_level(findings, "problem"))
    log.write_bytes(b"x" * ((1 << 20) - 1))
    findings = examined(config)
    assert any("a full log refuses every call" in what for what in by_level(findings, "warning"))


def test_another_program_on_our_ports_is_told_apart(tmp_path):
    page = Starlette(routes=[Route("/{path:path}", _page, methods=["GET", "POST"])])
    with served(page) as url:
        port = int(url.rpartition(":")[2])
        config = changed(configured(tmp_path), listen={"port": port}, admin={"port": port})
        problems = by_level(examined(_apart(config)), "problem")
    assert f"something else answers at 127.0.0.1:{port}" in problems


def _apart(config: Path) -> Path:
    """The two ports must differ in settings; only the clients' is taken here."""
    made = yaml.safe_load(config.read_text())
    return changed(config, admin={"port": made["listen"]["port"] + 1})


async def _page(_: Request) -> Response:
    return PlainTextResponse("hello")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "does not accept this bearer token"),
        (403, "this Host or Origin is not served"),
        (404, "unknown, expired or revoked"),
        (502, "the backend cannot be reached"),
        (503, "the sidecar cannot decide or record"),
        (504, "the backend is too slow"),
        (418, "does not list tools (HTTP 418)"),
    ],
)
def test_every_status_of_an_endpoint_is_explained(status, says):
    async def answer(_: Request) -> Response:
        return JSONResponse({}, status)

    with served(Starlette(routes=[Route("/mcp", answer, methods=["POST"])])) as url:
        found = asyncio.run(visit(f"{url}/mcp", "x"))
    assert found.level == "problem"
    assert says in found.what
    assert found.remedy


@pytest.mark.parametrize(("bearer", "is_named"), [("", True), ("x", False)])
def test_a_bearer_token_is_asked_for_only_where_none_was_given(bearer, is_named):
    async def answer(_: Request) -> Response:
        return JSONResponse({}, 401)

    with served(Starlette(routes=[Route("/mcp", answer, methods=["POST"])])) as url:
        found = asyncio.run(visit(f"{url}/mcp", bearer))
    assert ("--bearer-file" in found.remedy) is is_named
    assert ("bearer.audience" in found.remedy) is not is_named


def test_a_backend_of_the_handshake_era_is_visited_with_a_handshake():
    asked = []

    async def answer(request: Request) -> Response:
        body = await request.json()
        asked.append((body["method"], request.headers.get("mcp-session-id", "")))
        if request.headers.get("mcp-protocol-version") == "2026-07-28":
            return JSONResponse({}, 400)
        if body["method"] == "initialize":
            return JSONResponse({"result": {}}, headers={"mcp-session-id": "s"})
        tools = tool_list("a").body.decode()
        return Response(f"data: {tools}\n\n", media_type="text/event-stream")

    async def gone(_: Request) -> Response:
        asked.append(("DELETE", "s"))
        return Response()

    routes = [Route("/mcp", answer, methods=["POST"]), Route("/mcp", gone, methods=["DELETE"])]
    with served(Starlette(routes=routes)) as url:
        found = asyncio.run(visit(f"{url}/mcp", ""))
    assert found.what == "the endpoint works, and shows this caller 1 tools"
    assert asked[1:] == [
        ("initialize", ""),
        ("notifications/initialized", "s"),
        ("tools/list", "s"),
        ("DELETE", "s"),
    ]
