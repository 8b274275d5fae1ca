"""A real issuer changes its keys while real clients call, and no good request fails for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import flow
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from world import PATIENCE, ended

from sidecar.demo.world import AUDIENCE, World
from sidecar.local.processes import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

TESTS = Path(__file__).parent
ROTATIONS = 5


class Trusting(World):
    """The demo's world, whose sidecar trusts one issuer elsewhere."""

    def __init__(self, folder: Path, issuer: str) -> None:
        super().__init__(folder)
        self._issuer = issuer

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        keys = {"issuer": self._issuer, "jwks_url": f"{self._issuer}/keys"}
        bearer = {"audience": AUDIENCE, "issuers": [keys]}
        return super()._settings(port, admin) | {"bearer": bearer}


@asynccontextmanager
async def issuing() -> AsyncIterator[tuple[str, httpx2.AsyncClient]]:
    """An issuer in a process of its own, and a client for it."""
    port = free_port()
    words = [sys.executable, "-m", "issuer_process", str(port)]
    process = await asyncio.create_subprocess_exec(*words, cwd=TESTS)
    url = f"http://127.0.0.1:{port}"
    transport = httpx2.AsyncHTTPTransport(retries=6)  # waits 0, 0.5, 1, 2, ... seconds
    try:
        async with httpx2.AsyncClient(base_url=url, trust_env=False, transport=transport) as http:
            await http.get("/.well-known/openid-configuration")
            yield url, http
    finally:
        await ended(process)


class FromFile(httpx2.Auth):
    """Shows the token that a file holds now, as an agent with a projected token does."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        request.headers["authorization"] = f"Bearer {self._file.read_text()}"
        yield request


async def test_keys_that_rotate_under_load_fail_no_good_request(tmp_path):
    async with issuing() as (issuer, keys), Trusting(tmp_path, issuer) as world:
        url, statuses, is_over = world.url("read-only"), [], asyncio.Event()
        many = asyncio.Semaphore(0)

        async def call(http: httpx2.AsyncClient) -> None:
            """Ask with a token that was signed this moment, again and again."""
            while not is_over.is_set():
                token = (await keys.get("/token")).text
                body, headers = flow.modern(flow.ask("tools/list"))
                headers |= {"authorization": f"Bearer {token}"}
                statuses.append((await http.post(url, json=body, headers=headers)).status_code)
                many.release()

        async def rotate() -> None:
            for _ in range(ROTATIONS):
                async with asyncio.timeout(PATIENCE):
                    for _ in range(40):
                        await many.acquire()
                await keys.post("/rotate")
                await keys.post("/retire")
            is_over.set()

        headers = {"accept": "application/json, text/event-stream"}
        async with (
            httpx2.AsyncClient(trust_env=False, headers=headers, timeout=PATIENCE) as http,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(8):
                group.create_task(call(http))
            group.create_task(rotate())
        assert set(statuses) == {200}
        assert len(statuses) > 40 * ROTATIONS
        assert int((await keys.get("/asked")).text) <= ROTATIONS + 2


async def test_a_session_goes_on_while_the_agents_token_file_and_the_keys_change(tmp_path):
    file = tmp_path / "agent-token"
    async with issuing() as (issuer, keys), Trusting(tmp_path / "world", issuer) as world:

        async def renew() -> None:
            fresh = tmp_path / "fresh"
            fresh.write_text((await keys.get("/token?seconds=60")).text)
            fresh.replace(file)

        await renew()
        async with (
            httpx2.AsyncClient(auth=FromFile(file), trust_env=False, timeout=30) as http,
            Client(
                streamable_http_client(world.url("read-only"), http_client=http), mode="legacy"
            ) as client,
        ):
            first = await client.list_tools()
            for _ in range(3):
                await keys.post("/rotate")
                await keys.post("/retire")
                await renew()
                assert await client.list_tools() == first
        assert first.tools
