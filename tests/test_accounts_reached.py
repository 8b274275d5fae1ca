"""Backend accounts on real sockets: no credential is ever shown at another account's address."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from flow import tool_list
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from settings_parts import GOOD, written
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from test_cli_serve import configured
from test_local_doctor import by_level, examined
from typer.testing import CliRunner
from wire import answer, fixed
from wire import served as wired
from world import caller, logged, served

from sidecar import app, identity
from sidecar.cli import cli
from sidecar.demo.world import EMAIL, World
from sidecar.model import Head
from sidecar.settings import Settings
from sidecar.upstream import outgoing

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

NAMES = ("", "emea", "apac")
READ = "list_all_gladly_inboxes"
PLAIN = outgoing(Head("POST", "/mcp", ()), [])


def settled(folder: Path) -> Settings:
    """Settings whose accounts have address and token in files of their names."""
    files = {
        name: {"url_file": folder / f"{name}.url", "bearer_token_file": folder / f"{name}.token"}
        for name in NAMES
    }
    made: dict[str, Any] = {
        "backend": files.pop(""),
        "accounts": [{"name": name, **paths} for name, paths in files.items()],
        "endpoints": [],
        "audit": {"folder": folder / "audit"},
    }
    return Settings.model_validate(made)


async def test_invariant_11_a_credential_is_shown_at_its_own_accounts_address_alone(tmp_path):
    """Also while many calls run and every token and one address change under them."""
    async with AsyncExitStack() as stack:
        wires = {name: await stack.enter_async_context(wired(fixed(answer()))) for name in NAMES}
        moved = await stack.enter_async_context(wired(fixed(answer())))

        def write(turn: int) -> None:
            for name, wire in wires.items():
                (tmp_path / f"{name}.token").write_text(f"{name}-t0ken-{turn}" + "x" * turn)
                (tmp_path / f"{name}.url").write_text(f"{wire.url}-{turn}")

        write(0)
        clients = app.backends(settled(tmp_path))
        for client in clients.values():
            await stack.enter_async_context(client)

        async def many(name: str) -> None:
            for _ in range(20):
                await clients[name].forward("POST", PLAIN, b"{}")

        async with asyncio.timeout(30):
            for turn in range(1, 4):
                busy = [asyncio.create_task(many(name)) for name in NAMES for _ in range(4)]
                await asyncio.sleep(0)
                write(turn)
                await asyncio.gather(*busy)
            (tmp_path / "emea.url").write_text(f"{moved.url}-moved")
            await asyncio.gather(*map(many, NAMES))
    for name, wire in [*wires.items(), ("emea", moved)]:
        shown = {value for request in wire.seen for value in request.values("authorization")}
        assert all(value.startswith(f"Bearer {name}-t0ken-") for value in shown), name
    last = {request.values("authorization")[0] for request in moved.seen}
    assert last == {"Bearer emea-t0ken-3xxx"}


async def test_an_account_without_a_token_is_shown_none(tmp_path):
    async with wired(fixed(answer())) as wire:
        for name in NAMES:
            (tmp_path / f"{name}.token").write_text("t0ken")
            (tmp_path / f"{name}.url").write_text(wire.url)
        made = settled(tmp_path)
        bare = made.accounts[0].model_copy(update={"bearer_token_file": None})
        clients = app.backends(made.model_copy(update={"accounts": (bare,)}))
        async with clients["emea"] as client:
            await client.forward("POST", PLAIN, b"{}")
    assert [request.values("authorization") for request in wire.seen] == [[]]


class Two(World):
    """Two organisations, a backend for each with a bearer token of its own, and one sidecar."""

    async def _start(self) -> None:
        for name in ("gladly-token", "backend-token", "emea-token", "bearer-secret"):
            self._secret(name)
        self._secret("endpoint-key")
        self.backend_url = await self._backend("backend-token", seed=1)
        self.emea_url = await self._backend("emea-token", seed=2)
        await self.start_sidecar()

    async def _backend(self, token: str, seed: int) -> str:
        gladly = ("--email", EMAIL, "--token-file", self._path("gladly-token"))
        simulator = await self.announced(
            "gladly", "simulate", "--port", "0", "--seed", str(seed), *gladly
        )
        return await self.announced(
            "gladly", "serve", "--port", "0", "--url", simulator, *gladly,
            "--bearer-file", self._path(token),
        )  # fmt: skip

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        made = super()._settings(port, admin)
        token = identity.new_endpoint_token()
        self._paths["emea"] = f"/mcp/{token}"
        made["endpoints"].append(
            {"name": "emea", "token_hash": self.token_hash(token), "account": "emea"}
        )
        credential = {"url": f"{self.emea_url}/mcp", "bearer_token_file": self._path("emea-token")}
        made["accounts"] = [{"name": "emea"} | credential]
        return made


async def visited(world: World, endpoint: str, times: int = 2) -> list[str]:
    """What the official client gets at an endpoint, call by call."""
    async with (
        caller(world.bearer("agent")) as http,
        Client(streamable_http_client(world.url(endpoint), http_client=http)) as client,
    ):
        assert READ in {tool.name for tool in (await client.list_tools()).tools}
        answers = [await client.call_tool(READ, {}) for _ in range(times)]
    assert not any(one.is_error for one in answers)
    return [orjson.dumps(one.structured_content).decode() for one in answers]


async def test_two_backends_are_served_at_once_through_one_sidecar_each_to_its_endpoint(tmp_path):
    async with Two(tmp_path) as world:
        async with asyncio.timeout(60):
            ends = await asyncio.gather(
                *(visited(world, name) for name in ("read-only", "emea") for _ in range(2))
            )
        ours, theirs = ({answer for end in half for answer in end} for half in (ends[:2], ends[2:]))
        events = logged(world, tool=READ)
    assert len(ours) == len(theirs) == 1
    assert ours != theirs
    accounts = [event["actor"].get("account", "") for event in events]
    assert (accounts.count(""), accounts.count("emea")) == (4, 4)


# ---- the commands that look at a backend


def listing(*names: str) -> Starlette:
    async def answered(request: Request) -> Response:
        body = tool_list(*names).body.replace(b'"id":1', b'"id":%d' % (await request.json())["id"])
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/mcp", answered, methods=["POST"])])


def test_the_doctor_looks_at_every_accounts_backend(tmp_path):
    with served(listing(READ)) as ours, served(listing(READ, "new")) as theirs:
        accounts = [
            {"name": "emea", "url": f"{theirs}/mcp"},
            {"name": "apac", "url": "http://127.0.0.1:9/mcp"},
        ]
        config = configured(tmp_path, backend={"url": f"{ours}/mcp"}, accounts=accounts)
        findings = examined(config)
    assert "the backend has 1 tools, all of them known" in by_level(findings, "ok")
    told = "account emea: the backend has 2 tools; refused as unknown: new"
    assert told in by_level(findings, "warning")
    problem = "account apac: the backend's list of tools cannot be read"
    assert any(what.startswith(problem) for what in by_level(findings, "problem"))


def test_the_check_names_the_accounts(tmp_path):
    done = CliRunner().invoke(
        cli,
        [
            "check",
            "--config",
            str(configured(tmp_path, accounts=[{"name": "a", "url": "http://a"}])),
        ],
    )
    assert done.output.splitlines()[1] == "accounts: default, a"


def test_pins_are_of_all_accounts_lists_and_of_none_if_one_cannot_be_read(tmp_path):
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_text("s" * 40)
    pins = tmp_path / "pins.json"
    with served(listing(READ, "b")) as ours, served(listing(READ, "c")) as theirs:
        made = yaml.safe_load(GOOD.replace("FOLDER", str(tmp_path)))
        made["backend"] = {"url": f"{ours}/mcp"}
        made["accounts"] = [{"name": "emea", "url": f"{theirs}/mcp"}]
        config = written(tmp_path, yaml.safe_dump(made))
        words = ["catalog", "pin", "--config", str(config), "--file", str(pins), "--accept"]
        done = CliRunner().invoke(cli, words)
        assert "accepted 3 tools" in done.output
        assert orjson.loads(pins.read_bytes())["tools"].keys() == {READ, "b", "c"}
        made["accounts"].append({"name": "apac", "url": "http://127.0.0.1:9/mcp"})
        written(tmp_path, yaml.safe_dump(made))
        before = pins.read_bytes()
        failed = CliRunner().invoke(cli, words)
    assert failed.exit_code == 1
    assert str(failed.exception).startswith("account apac: ")
    assert pins.read_bytes() == before
