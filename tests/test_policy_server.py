"""Decisions by an OPA server: the same ones, and none at all when it is down, slow or no OPA.

Over 300 lines: one OPA is started for all that is asked of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import opa_parts
import pytest
from engine_parts import READER, facts, put
from opa_parts import answering, http, opa

from sidecar import catalog
from sidecar.catalog.exits import EXITS
from sidecar.errors import ConfigError, OrganDown
from sidecar.local.processes import free_port
from sidecar.model import Caller, Endpoint, Finding, Tool
from sidecar.policy import Embedded, Facts, Policy, Server, read
from sidecar.policy.embedded import MAX_INPUT
from sidecar.policy.opa.breaker import Breaker, Down
from sidecar.settings import Rotating, shipped, token_in

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
    url = f"http://127.0.0.1:{free_port()}"
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


async def test_the_token_is_sent_as_a_bearer_token_as_its_file_holds_it_now(tmp_path):
    seen: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http(b'{"result": {"denials": {}, "masks": []}}'))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        file = tmp_path / "token"
        file.write_text("t0ken")
        engine = Server(url, 5.0, Rotating(token_in, file))
        async with engine._client:
            await engine.evaluate({})
            file.write_text("another-t0ken")
            await engine.evaluate({})
    assert b"authorization: bearer t0ken\r\n" in seen[0].lower()
    assert b"authorization: bearer another-t0ken\r\n" in seen[1].lower()
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


async def test_opa_is_asked_through_a_socket_of_the_machine(merged, tmp_path):
    socket = str(tmp_path / "opa.sock")
    process = opa_parts.start("--bundle", merged, address=f"unix://{socket}")
    try:
        opa_parts.await_answer(socket, process)
        seen = await compared(f"unix://{socket}", merged, [facts()])
    finally:
        process.kill()
        process.wait(timeout=10)
    assert seen.total() == 1


async def test_opa_holding_the_same_policy_has_the_same_digest_as_in_process(tmp_path):
    merged = put(tmp_path, SITE)
    shutil.copytree(
        shipped("policies"),
        merged,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*_test.rego"),
    )
    with opa(merged) as (url, _):
        async with Server(url, 5.0) as engine:
            assert engine.policy_sha256 == read([merged]).sha256


FAILING = """package site.rules.access.failing

deny contains {"tool": "*", "code": "a.b", "message": "No.", "remedy": "Wait."} if {
	to_number(input.caller.purpose) > 1
}
"""


async def test_a_rule_that_fails_on_an_input_is_no_outage_of_opa(merged, tmp_path):
    """Else one caller who makes a rule fail would have all others refused."""
    bad = facts(caller=replace(READER, purpose="x"))
    folder = put(tmp_path, {"failing.rego": FAILING})
    shutil.copytree(shipped("policies"), folder, dirs_exist_ok=True)
    with opa(folder) as (url, _):
        async with Server(url, 5.0) as engine:
            policy = Policy(engine, 5.0)
            for _ in range(20):
                with pytest.raises(OrganDown) as caught:
                    await policy.decide(bad)
                assert caught.value.reason == "policy_failed"
            well = await policy.decide(facts(caller=replace(READER, purpose="1")))
    assert well.verdicts


async def test_facts_that_the_embedded_engine_refuses_for_their_size_are_not_sent():
    async with answering(None) as url:
        engine = Server(url, 5.0)
        async with engine._client:
            with pytest.raises(OrganDown) as caught:
                await engine.evaluate({"arguments": "x" * MAX_INPUT})
    assert caught.value.reason == "policy_input"


async def test_after_an_outage_opa_is_looked_at_before_it_decides(merged, tmp_path):
    """It may hold another policy, and no event may name the old one for it."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        with opa(merged, port=port) as (url, _):
            engine = await stack.enter_async_context(Server(url, 5.0))
            before = engine.policy_sha256
        while not engine._breaker.is_open:
            with pytest.raises(OrganDown):
                await engine.evaluate({})
        other = put(tmp_path, SITE)
        shutil.copytree(shipped("policies"), other, dirs_exist_ok=True)
        put(other, {"night.rego": SITE["night.rego"].replace("night", "evening")})
        engine._breaker._pause = 0.0
        with opa(other, port=port):
            decided = await Policy(engine, 5.0).decide(facts())
    assert decided.policy_sha256 not in {"", before}


async def test_who_asks_what_takes_too_long_keeps_nobody_else_out_once_opa_answers():
    slow = {"version": 1, "tools": ["slow"]}
    asked = asyncio.Queue[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, told = head.lower().partition(b"content-length:")
        body = await reader.readexactly(int(told.partition(b"\r")[0] or b"0"))
        asked.put_nowait(body)
        if b"slow" in body:
            await reader.read()  # until who asked has gone
        else:
            writer.write(http(b'{"result": []}' if b"/v1/policies" in head else b'{"result": {}}'))
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, Server(url, 5.0) as server:
        server._breaker = Breaker("OPA", failures=1, pause=0.0)
        with pytest.raises(OrganDown), server._breaker.attempt():
            raise Down
        patient = asyncio.create_task(server.evaluate(slow))
        async with asyncio.timeout(5.0):
            while b"slow" not in await asked.get():
                pass
        assert await server.evaluate({"version": 1, "tools": []}) == {}
        patient.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await patient
