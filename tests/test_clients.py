"""Other people's MCP clients against the whole world: simulator, backend and sidecar as processes.

Each lists the tools and makes the same three calls. What it makes of the answers is compared, so
that the sidecar's refusals are known to be understood by real clients, not only to be well formed.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import tools
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from world import LEGACY, PATIENCE, caller, staged

from sidecar.demo.world import World
from sidecar.edge import MODERN

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

SCRIPTS: Final = Path(__file__).parent / "node"
INSPECTOR: Final = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
BRIDGE: Final = "mcp-remote/dist/proxy.js"

SHOWN, HIDDEN, WRITING = (
    "list_all_gladly_customers",
    "delete_a_gladly_customer_by_id",
    "create_a_gladly_task",
)
CALLS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (SHOWN, {"phoneNumber": "+14155550198"}),
    (HIDDEN, {"customer_id": "fpDL5a8GbDpnX0jfzVkd9A"}),
    (
        WRITING,
        {
            "customer_id": "fpDL5a8GbDpnX0jfzVkd9A",
            "body": "Refund to card 4111 1111 1111 1111, please.",
            "dueAt": "2099-01-01T00:00:00Z",
            "assignee": {"inboxId": "x"},
        },
    ),
)


@dataclass(frozen=True)
class Told:
    """What a client says of its visit: answers as results, errors as `{code, message}`."""

    tools: list[str]
    answers: list[dict[str, Any]]
    revision: str = ""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with staged(World(tmp_path_factory.mktemp("world"))) as up:
        yield up


def assert_as_promised(told: Told, unknown: str = f"Unknown tool: {HIDDEN}") -> None:
    """Masked data, no hidden tool in the list or in answers, and refusals that can be read."""
    assert {SHOWN, WRITING} <= set(told.tools)
    assert not [name for name in told.tools if name.startswith(("delete", "update"))]
    found, hidden, refused = told.answers
    (customer,) = found["structuredContent"]["result"]
    assert (customer["id"], customer["name"]) == ("fpDL5a8GbDpnX0jfzVkd9A", "[NAME]")
    assert customer["emails"][0]["original"] == "[EMAIL]"
    assert "Lindqvist" not in str(found)
    assert "415555" not in str(found)
    assert unknown in hidden["message"]
    assert refused["isError"] is True
    assert refused["content"][0]["text"].startswith("arguments.personal_data: ")
    assert "4111" not in str(refused)


async def visited(client: Client) -> Told:
    """List and call with the official Python client."""
    listed = [tool.name for tool in (await client.list_tools()).tools]
    answers: list[dict[str, Any]] = []
    for name, arguments in CALLS:
        try:
            done = await client.call_tool(name, arguments)
        except MCPError as error:
            answers.append({"code": error.code, "message": error.message})
        else:
            answers.append(done.model_dump(mode="json", by_alias=True))
    return Told(listed, answers, client.protocol_version)


@pytest.mark.parametrize(("mode", "revision"), [("auto", MODERN), ("legacy", LEGACY)])
async def test_the_python_client_is_served_in_both_eras(world, mode, revision):
    async with (
        caller(world.bearer("agent")) as http,
        Client(streamable_http_client(world.url("triage"), http_client=http), mode=mode) as client,
    ):
        told = await visited(client)
    assert told.revision == revision
    assert told.answers[1]["code"] == -32602
    assert_as_promised(told)


async def node(script: Path, *arguments: str, home: Path, said: bytes = b"") -> tuple[int, str]:
    """Run a script to its end; gives its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        tools.require("node"), script, *arguments, env=_environment(home),
        stdin=PIPE if said else DEVNULL, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        printed, complaint = await asyncio.wait_for(process.communicate(said or None), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, (printed or complaint).decode()


def _environment(home: Path) -> dict[str, str]:
    """What programs that keep files in the home folder get: another home."""
    return {"HOME": str(home), "PATH": str(tools.require("node").parent)}


@pytest.mark.parametrize(
    ("script", "mode", "revision"),
    [("sdk_v1", "legacy", LEGACY), ("sdk_v2", "legacy", LEGACY), ("sdk_v2", "auto", MODERN)],
)
async def test_the_typescript_clients_are_served_in_both_eras(
    world, tmp_path, script, mode, revision
):
    tools.require("npm-packages")
    task = {
        "url": world.url("triage"),
        "bearer": world.bearer("agent"),
        "mode": mode,
        "calls": [{"name": name, "arguments": arguments} for name, arguments in CALLS],
    }
    code, printed = await node(
        SCRIPTS / f"{script}.mjs", home=tmp_path, said=json.dumps(task).encode()
    )
    assert code == 0, printed
    told = Told(**json.loads(printed))
    assert told.revision == revision
    assert told.answers[1]["code"] == -32602
    assert_as_promised(told)


async def test_the_inspector_shows_what_the_sidecar_lets_through(world, tmp_path):
    """The inspector looks into the list before it calls: a hidden tool is not there for it."""
    inspector = tools.require("npm-packages") / INSPECTOR

    async def inspect(*arguments: str) -> tuple[int, str]:
        header = f"Authorization: Bearer {world.bearer('agent')}"
        return await node(
            inspector, "--cli", world.url("triage"), "--transport", "http",
            "--header", header, "--method", *arguments, home=tmp_path,
        )  # fmt: skip

    code, printed = await inspect("tools/list")
    assert code == 0, printed
    listed = [tool["name"] for tool in json.loads(printed)["tools"]]
    answers = []
    for name, arguments in CALLS:
        pairs = [
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in arguments.items()
        ]
        code, printed = await inspect("tools/call", "--tool-name", name, "--tool-arg", *pairs)
        assert (code == 0) == (name == SHOWN)
        answer = json.loads(printed)
        answers.append(answer.get("error", answer))
    assert_as_promised(Told(listed, answers), unknown=f"Tool '{HIDDEN}' not found")


async def test_a_client_behind_mcp_remote_is_served_through_standard_input(world, tmp_path):
    """As Claude Desktop is connected: the header's value comes from the environment."""
    bridge = tools.require("npm-packages") / BRIDGE
    parameters = StdioServerParameters(
        command=str(tools.require("node")),
        args=[str(bridge), world.url("triage"), "--header", "Authorization:${AUTH}"],
        env=_environment(tmp_path) | {"AUTH": f"Bearer {world.bearer('agent')}"},
    )
    with (tmp_path / "complaints").open("w") as complaints:
        async with Client(stdio_client(parameters, errlog=complaints), mode="legacy") as client:
            told = await asyncio.wait_for(visited(client), PATIENCE)
    assert told.answers[1]["code"] == -32602
    assert_as_promised(told)
