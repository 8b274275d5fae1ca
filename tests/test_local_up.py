"""`sidecar up` and `sidecar stdio` as a person runs them, with real clients of other people.

Over 300 lines: one way to start them and to stop them, which every story here needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import tools
from gladly_fixtures import EMAIL, TOKEN, listening
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from test_clients import BRIDGE, INSPECTOR, _environment, node
from world import LEGACY, PATIENCE

from sidecar import audit
from sidecar.edge import MODERN
from sidecar.gladly.simulator import simulator
from sidecar.local import Folder
from sidecar.local.processes import free_port
from sidecar.local.up import told
from sidecar.stdio.bridge import RATE_LIMITED

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

SHOWN = "list_all_gladly_customers"
PHONE = {"phoneNumber": "+14155550198"}
SIDECAR = (sys.executable, "-m", "sidecar")


@asynccontextmanager
async def up(folder: Path, *options: str) -> AsyncIterator[tuple[Process, str]]:
    """The command until it has said everything; its process group is ended whatever happens."""
    words = ("up", "--folder", str(folder), "--port", str(free_port()), *options)
    process = await asyncio.create_subprocess_exec(
        *SIDECAR, *words, stdin=DEVNULL, stdout=PIPE, start_new_session=True
    )
    try:
        assert process.stdout
        async with asyncio.timeout(30):
            said = (await process.stdout.readuntil(b"asyncio.run(main())\n")).decode()
        yield process, said
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Path, str, str]]:
    """What was said, and the URL in it, of a simulated one that several tests use."""
    folder = tmp_path_factory.mktemp("up")
    async with up(folder, "--simulate") as (_, said):
        yield folder, said, url_in(said)


def url_in(said: str) -> str:
    (url,) = set(re.findall(r"http://127\.0\.0\.1:\d+/mcp/[\w-]{43}", said))
    return str(url)


def section(said: str, title: str) -> str:
    """What was printed below a title."""
    rest = said.partition(f"\n{title}")[2].partition("\n")[2]
    return rest.partition("\n\n")[0] if "Python" not in title else rest


async def assert_reads_masked(client: Client) -> None:
    listed = [tool.name for tool in (await client.list_tools()).tools]
    assert SHOWN in listed
    assert not [name for name in listed if name.startswith(("create", "update", "delete"))]
    found = await client.call_tool(SHOWN, PHONE)
    (customer,) = found.structured_content["result"]
    assert (customer["name"], customer["phones"][0]["original"]) == ("[NAME]", "[PHONE:…0198]")
    with pytest.raises(MCPError, match="Unknown tool: delete_a_gladly_customer_by_id"):
        await client.call_tool("delete_a_gladly_customer_by_id", {"id": customer["id"]})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_url_that_is_printed_reads_masked_and_writes_nothing(running, mode):
    _, _, url = running
    async with Client(streamable_http_client(url), mode=mode) as client:
        await assert_reads_masked(client)


async def test_what_is_printed_is_about_this_very_endpoint(running):
    folder, said, url = running
    assert told(Folder(folder), url) in said
    assert str(folder / "audit-stdio") in said
    assert url.endswith(Folder(folder).endpoint_path)


async def test_the_python_that_is_printed_runs(running, tmp_path):
    _, said, _ = running
    script = tmp_path / "client.py"
    lines = section(said, "Python SDK (pip install mcp)").splitlines()
    script.write_text("\n".join(line.removeprefix("  ") for line in lines))
    process = await asyncio.create_subprocess_exec(sys.executable, script, stdout=PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert SHOWN in out.decode()


async def test_the_inspectors_line_that_is_printed_runs(running, tmp_path):
    inspector = tools.require("npm-packages") / INSPECTOR
    _, said, _ = running
    program, package, *options = shlex.split(section(said, "MCP Inspector (needs Node)"))
    assert (program, package) == ("npx", "@modelcontextprotocol/inspector")
    code, printed = await node(inspector, *options, home=tmp_path)
    assert code == 0, printed
    assert SHOWN in printed


async def test_a_client_behind_mcp_remote_reads_with_the_url_alone(running, tmp_path):
    bridge = tools.require("npm-packages") / BRIDGE
    _, _, url = running
    parameters = StdioServerParameters(
        command=str(tools.require("node")), args=[str(bridge), url], env=_environment(tmp_path)
    )
    with (tmp_path / "complaints").open("w") as complaints:
        async with Client(stdio_client(parameters, errlog=complaints), mode="legacy") as client:
            await asyncio.wait_for(assert_reads_masked(client), PATIENCE)


@pytest.mark.parametrize(("mode", "revision"), [("auto", MODERN), ("legacy", LEGACY)])
async def test_a_program_that_a_client_starts_serves_the_same_over_standard_input(
    running, tmp_path, mode, revision
):
    """As Claude Desktop starts it; while the other one runs, with an audit log of its own."""
    folder, _, _ = running
    before = set((folder / "audit-stdio").glob("*/audit.jsonl"))
    with (tmp_path / "complaints").open("w") as complaints:
        async with Client(stdio_client(program(folder), errlog=complaints), mode=mode) as client:
            assert client.protocol_version == revision
            await assert_reads_masked(client)
            await assert_limits_arrive(client)
    assert "Traceback" not in (tmp_path / "complaints").read_text()
    logs = set((folder / "audit-stdio").glob("*/audit.jsonl"))
    assert len(logs - before) <= 1
    for log in logs:
        found = audit.verify(log)
        assert (found.is_valid, found.has_clean_stop, found.open_intents) == (True, True, ())


def program(folder: Path) -> StdioServerParameters:
    arguments = [*SIDECAR[1:], "stdio", "--folder", str(folder)]
    return StdioServerParameters(command=sys.executable, args=arguments)


async def assert_limits_arrive(client: Client) -> None:
    calls = [client.call_tool("list_all_gladly_inboxes", {}) for _ in range(16)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    limited = [a for a in answers if isinstance(a, MCPError) and a.code == RATE_LIMITED]
    assert limited
    assert len(limited) + sum(not isinstance(a, BaseException) for a in answers) == 16
    data: Any = limited[0].data
    assert (data["status"], data["headers"]["retry-after"]) == (429, "1")


async def test_a_second_one_in_the_same_folder_is_refused_and_changes_nothing(running):
    folder, _, _ = running
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for options in (["--simulate"], ["--url", "http://127.0.0.1:9", *credential(folder.parent)]):
        process = await asyncio.create_subprocess_exec(
            *SIDECAR, "up", "--folder", str(folder), "--port", str(free_port()), *options,
            stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        out, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert (process.returncode, out) == (2, b"")
        assert "already running with this folder (stop it" in complaint.decode()
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


async def stdio(folder: Path, stdin: Any, stdout: Any) -> tuple[int | None, str]:
    """The program on streams of any kind: its exit code and what it said besides."""
    process = await asyncio.create_subprocess_exec(
        *SIDECAR, "stdio", "--folder", str(folder), stdin=stdin, stdout=stdout, stderr=PIPE
    )
    _, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, complaint.decode()


async def test_lines_of_a_file_are_answered_in_a_file(running, tmp_path):
    folder, _, _ = running
    meta: dict[str, Any] = {"io.modelcontextprotocol/protocolVersion": MODERN}
    meta |= {"io.modelcontextprotocol/clientCapabilities": {}}
    ask = {"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {"_meta": meta}}
    (tmp_path / "in").write_text(json.dumps(ask))
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        assert await stdio(folder, stdin, stdout) == (0, "")
    answer = json.loads((tmp_path / "out").read_text())
    assert answer["id"] == 7
    assert SHOWN in {tool["name"] for tool in answer["result"]["tools"]}


async def test_an_input_that_holds_nothing_ends_it_in_order(running):
    assert await stdio(running[0], DEVNULL, DEVNULL) == (0, "")


@pytest.mark.parametrize(("name", "number"), [("input", 0), ("output", 1)])
async def test_a_stream_that_is_closed_is_told_in_one_line(running, name, number):
    words = [*SIDECAR, "stdio", "--folder", str(running[0])]
    script = f'exec "$@" {number}{"<" if number == 0 else ">"}&-'
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", script, "sh", *words, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    _, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    (line,) = complaint.decode().splitlines()
    assert line == f"sidecar: standard {name} is closed: start this from an MCP client"


async def test_a_folder_that_up_never_made_is_not_served(tmp_path):
    code, complaint = await stdio(tmp_path / "x", DEVNULL, DEVNULL)
    assert code == 2
    assert "no folder of `sidecar up`" in complaint
    assert not (tmp_path / "x").exists()


async def test_it_ends_on_ctrl_c_with_nothing_left_and_keeps_its_url(tmp_path):
    urls = []
    for _ in range(2):
        async with up(tmp_path, "--simulate") as (process, said):
            urls.append(url_in(said).rpartition("/")[2])
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(PATIENCE):
                assert process.stdout
                await process.stdout.read()
                assert await process.wait() == 0
            with pytest.raises(ProcessLookupError):
                os.killpg(process.pid, 0)
    assert urls[0] == urls[1]
    kept = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert set(kept.values()) == {0o600}
    anchored = audit.verify(tmp_path / "audit", (tmp_path / "audit.anchors").read_text())
    assert anchored.is_valid
    assert str(anchored.anchored_upto + 1) == anchored.head.partition(":")[0]


async def refused(folder: Path, *options: str) -> str:
    """How the command ends that cannot begin; gives the one line that it says."""
    process = await asyncio.create_subprocess_exec(
        *SIDECAR, "up", "--folder", str(folder / "up"), "--port", str(free_port()), *options,
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    (line,) = complaint.decode().splitlines()
    assert TOKEN not in out.decode() + line
    assert "Ready" not in out.decode()
    return line


def credential(folder: Path, token: str = TOKEN, email: str = EMAIL) -> list[str]:
    (folder / "token").write_text(f"{token}\n")
    return ["--email", email, "--token-file", str(folder / "token")]


async def test_a_real_gladly_is_asked_whether_it_knows_the_credential(tmp_path):
    with listening(simulator(rate=1000)) as url:
        async with up(tmp_path / "up", "--url", url, *credential(tmp_path)) as (_, said):
            assert "Gladly organisation: Sample Store" in said
            async with Client(streamable_http_client(url_in(said))) as client:
                await assert_reads_masked(client)


@pytest.mark.parametrize(("token", "email"), [("wrong", EMAIL), (TOKEN, "nobody@example.com")])
async def test_a_wrong_credential_is_told_in_one_line(tmp_path, token, email):
    with listening(simulator()) as url:
        line = await refused(tmp_path, "--url", url, *credential(tmp_path, token, email))
    assert "does not accept this e-mail address with this token" in line
    assert "API User" in line


async def test_an_unknown_host_is_told_in_one_line(tmp_path):
    line = await refused(tmp_path, "--url", "https://no-such.invalid", *credential(tmp_path))
    assert line.endswith(
        "Gladly's host is not known (no-such.invalid): check the organisation's name"
    )


async def test_a_host_where_nothing_listens_is_told_in_one_line(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    line = await refused(tmp_path, "--url", url, *credential(tmp_path))
    assert "Gladly cannot be reached (127.0.0.1)" in line


async def test_what_is_no_gladly_is_told_in_one_line(tmp_path):
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\n<a/>")
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        line = await refused(tmp_path, "--url", url, *credential(tmp_path))
    assert "127.0.0.1 does not answer as Gladly does" in line


async def test_without_a_way_to_gladly_the_options_are_named(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *SIDECAR, "up", "--folder", str(tmp_path), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    _, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 2
    assert "--simulate" in complaint.decode()
