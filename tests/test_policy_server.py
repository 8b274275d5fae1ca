"""Decisions by an OPA server: the same ones, and none at all when it is down, slow or no OPA.

Over 300 lines: one OPA is started for all that is asked of it.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import tools
from engine_parts import READER, facts, put

from sidecar import catalog
from sidecar.catalog.exits import EXITS
from sidecar.errors import ConfigError, OrganDown
from sidecar.model import Caller, Endpoint, Finding, Tool
from sidecar.policy import Embedded, Facts, Policy, Server, read
from sidecar.settings import shipped

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

CATALOG = catalog.load([shipped("tool_catalog")])
TOOLS = (*(row.tool for row in CATALOG.rows), Tool("invented"))
SITE = {
    "site/config/data.yaml": "destructive_roles: [lead]\nraw_roles: [auditor]\n",
    "night.rego": """package site.rules.access.night

deny contains {"tool": "*", "code": "access.night", "message": "Closed.", "remedy": "Wait."} if {
	input.caller.purpose == "night"
}
""",
}
SCOPES = (("read",), ("read", "write", "custom"), ("create",), ())
CALLERS = [
    replace(
        READER,
        endpoint=Endpoint("e", None, methods, tags),
        roles=roles,
        purpose=purpose,
    )
    for methods in SCOPES
    for tags in ((), ("tasks", "customers"))
    for roles, purpose in (((), ""), (("lead", "auditor"), ""), (("lead",), "night"))
]


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def opa(*folders: Path, are_bundles: bool = True) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real OPA that serves folders, which nobody can change if they are bundles; ready to ask."""
    port = _port()
    option = ["--bundle"] if are_bundles else []
    given = [word for folder in folders for word in (*option, str(folder))]
    options = ["--addr", f"127.0.0.1:{port}", "--log-level", "error", "--skip-version-check"]
    process = subprocess.Popen([tools.require("opa"), "run", "--server", *options, *given])
    try:
        _await_answer(port, process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait(timeout=10)


def _await_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    pause = threading.Event()
    for _ in range(500):
        assert process.poll() is None, "OPA ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        pause.wait(0.02)
    raise AssertionError("OPA does not listen")


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library and a site's rules in one folder, as one bundle for OPA."""
    folder = tmp_path_factory.mktemp("merged")
    shutil.copytree(shipped("policies"), folder, dirs_exist_ok=True)
    return put(folder, SITE)


@pytest.fixture(scope="module")
def url(merged: Path) -> Iterator[str]:
    with opa(merged) as (address, _):
        yield address


@asynccontextmanager
async def answering(raw: bytes | None) -> AsyncIterator[str]:
    """A server that gives every request one answer; with None it never answers."""
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while await reader.readline() not in {b"\r\n", b""}:
            pass
        if raw is not None:
            writer.write(raw)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()


def http(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


async def compared(url: str, merged: Path, questions: Iterable[Facts]) -> Counter[bool]:
    """Ask both engines every question; how many verdicts allow, and how many do not."""
    ours, seen = Policy(Embedded(read([merged])), 5.0), Counter[bool]()
    async with Server(url, 5.0) as engine:
        theirs = Policy(engine, 5.0)
        for asked in questions:
            mine = (await ours.decide(asked)).verdicts
            assert (await theirs.decide(asked)).verdicts == mine
            seen.update(verdict.is_allowed for verdict in mine.values())
    return seen


def listed(tools: Sequence[Tool]) -> list[Facts]:
    return [facts(*tools, caller=c, method="tools/list", arguments=None) for c in CALLERS]


def called(tool: Tool, caller: Caller, *findings: Finding) -> Facts:
    return facts(tool, caller=caller, arguments={"id": "[NAME]"}, findings=findings)


async def test_opa_decides_as_the_embedded_engine_does(url, merged):
    """Every seventh tool for most callers; all of them in the nightly test."""
    calls = [
        called(tool, caller, Finding("MASK", "/id", 6))
        for caller in CALLERS
        for tool in TOOLS[:: 1 if caller is CALLERS[3] else 7]
    ]
    seen = await compared(url, merged, [*listed(TOOLS), *calls])
    assert seen[True] > 30, "the table does not reach what is allowed"


FOUND = (None, ("MASK", 0), ("MASK", -1), ("CARD", 0))
"""What is in a call's arguments: nothing, or an entity in the tool's first or in its last one."""


@pytest.mark.nightly
async def test_opa_decides_as_the_embedded_engine_does_for_every_tool_and_every_caller(url, merged):
    """Exits too, and each pinned and not pinned."""
    pinned = (*TOOLS, *EXITS.values())
    changed = tuple(replace(tool, is_pinned=False) for tool in pinned)
    calls = [
        called(tool, caller, *([Finding(found[0], place(tool, found[1]), 6)] if found else []))
        for caller in CALLERS
        for tool in (*pinned, *changed)
        for found in FOUND
    ]
    seen = await compared(url, merged, [*listed(pinned), *listed(changed), *calls])
    assert seen.total() == len(CALLERS) * 2 * len(pinned) * (1 + len(FOUND))
    assert min(seen[True], seen[False]) > 500


def place(tool: Tool, number: int) -> str:
    return f"/{[*tool.arguments, 'id'][number]}"


async def test_the_digest_is_that_of_the_texts_opa_holds(url, merged):
    async with Server(url, 5.0) as first, Server(url, 5.0) as second:
        assert first.policy_sha256 == second.policy_sha256
        assert len(first.policy_sha256) == 64
    with opa(shipped("policies")) as (other, _):
        async with Server(other, 5.0) as third:
            assert third.policy_sha256 != first.policy_sha256


async def test_opa_down_at_the_start_is_told_with_its_address_and_a_remedy():
    url = f"http://127.0.0.1:{_port()}"
    with pytest.raises(ConfigError) as caught:
        await Server(url, 1.0).__aenter__()
    (problem,) = caught.value.problems
    assert url in problem.where
    assert "opa run --server" in problem.remedy


@pytest.mark.parametrize(
    "raw",
    [
        http(b"<h1>Hello</h1>", "text/html"),
        http(b'{"code": "unauthorized"}', status="401 Unauthorized"),
        http(b"{not JSON"),
        http(b"[]"),
        http(b'{"result": null}'),
        http(b'{"result": [{"id": "x"}]}'),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
async def test_what_is_no_opa_is_told_at_the_start(raw):
    async with answering(raw) as url:
        with pytest.raises(ConfigError) as caught:
            await Server(url, 1.0).__aenter__()
    assert caught.value.problems[0].where.startswith("policy.opa_url")


async def test_an_opa_without_the_policies_is_told_at_the_start(tmp_path):
    told = pytest.raises(ConfigError, match="opa run --server")
    with opa(put(tmp_path, {"x.rego": "package x\n"})) as (url, _), told:
        await Server(url, 5.0).__aenter__()


async def test_an_opa_that_dies_afterwards_is_no_decision(merged):
    with opa(merged) as (url, process):
        async with Server(url, 5.0) as engine:
            await Policy(engine, 5.0).decide(facts())
            process.kill()
            process.wait(timeout=10)
            with pytest.raises(OrganDown) as caught:
                await Policy(engine, 5.0).decide(facts())
    assert caught.value.reason == "policy_failed"


async def test_a_slow_opa_is_no_decision_and_costs_no_more_than_the_timeout():
    async with answering(None) as url:
        engine = Server(url, 60.0)
        async with engine._client:
            async with asyncio.timeout(5):
                with pytest.raises(OrganDown) as caught:
                    await Policy(engine, 0.05).decide(facts())
    assert caught.value.reason == "policy_timed_out"


async def test_an_opa_that_stalls_at_the_start_is_told_within_the_timeout():
    async with answering(None) as url, asyncio.timeout(5):
        with pytest.raises(ConfigError):
            await Server(url, 0.05).__aenter__()


@pytest.mark.parametrize("raw", [http(b"{}"), http(b'{"result": {"tools": 1}}'), http(b"[]")])
async def test_an_undefined_or_strange_answer_of_opa_is_no_decision(raw):
    async with answering(raw) as url:
        engine = Server(url, 5.0)
        async with engine._client:
            with pytest.raises(OrganDown) as caught:
                await Policy(engine, 5.0).decide(facts())
    assert caught.value.reason in {"policy_undefined", "policy_malformed"}


async def test_an_error_of_opa_is_not_asked_again_and_holds_nothing_of_the_input():
    """The client would try a 500 three times, with pauses."""
    async with answering(http(b'{"message": "x"}', status="500 Internal Server Error")) as url:
        engine = Server(url, 5.0)
        secret = Caller(Endpoint("e", None), is_authenticated=True, subject="jane.roe")
        async with engine._client:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            with pytest.raises(OrganDown) as caught:
                await engine.evaluate(facts(caller=secret).document())
    assert loop.time() - begun < 0.3
    assert "jane" not in str(caught.value)
    assert url not in str(caught.value)


async def test_the_token_is_sent_as_a_bearer_token():
    seen: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http(b'{"result": {"denials": {}, "masks": []}}'))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        engine = Server(url, 5.0, "t0ken")
        async with engine._client:
            await engine.evaluate({})
    assert b"authorization: bearer t0ken" in seen[0].lower()
    assert b"strict-builtin-errors=true" in seen[0]


async def test_a_policy_that_is_replaced_in_opa_has_another_digest_once_it_is_read_again(merged):
    with opa(merged, are_bundles=False) as (address, process):
        async with Server(address, 5.0) as engine:
            before = engine.policy_sha256
            await engine.reread()
            assert engine.policy_sha256 == before
            async with aiohttp.ClientSession() as http:
                module = "package site.rules.access.day"
                async with http.put(f"{address}/v1/policies/day", data=module) as put_in:
                    assert put_in.status == 200
            await engine.reread()
            after = engine.policy_sha256
            assert after != before
            process.kill()
            process.wait(timeout=10)
            await engine.reread()
            assert engine.policy_sha256 == after
