"""Those who read hostile replies: real MCP clients, and a bare socket that keeps every byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import flow
import httpx2
import orjson
import tools
from hostile_replies import SHOWN, Case, leaks
from hostile_server import ARGUMENT
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import REQUEST_TIMEOUT, ElicitResult
from world import ACCEPT, LEGACY

_SCRIPTS: Final = Path(__file__).parent / "node"
_AT_ONCE: Final = 16


@dataclass
class Told:
    """What a reader was shown of one case, and on the rest of the connection that it shared.

    `seconds` is how long it took; None if there was neither an answer nor an error in time.
    """

    shown: list[Any] = field(default_factory=list)
    elsewhere: list[Any] = field(default_factory=list)
    seconds: float | None = None

    @property
    def text(self) -> str:
        """The answer or the error."""
        return json.dumps(self.shown, ensure_ascii=False, default=str)

    @property
    def is_leaked(self) -> bool:
        """Whether the answer or the error shows a secret."""
        return leaks(self.text)

    @property
    def is_leaked_anywhere(self) -> bool:
        """Also counting what came unasked, and what the client complains of."""
        return self.is_leaked or any(leaks(str(heard)) for heard in self.elsewhere)


def groups(cases: Sequence[Case]) -> list[list[Case]]:
    """The cases of each connection: some together, and alone those that need all of it."""
    needs_all = [bool(case.aside or case.then or case.stated) for case in cases]
    alone = [[case] for case, is_alone in zip(cases, needs_all, strict=True) if is_alone]
    together = [case for case, is_alone in zip(cases, needs_all, strict=True) if not is_alone]
    return alone + [together[i : i + _AT_ONCE] for i in range(0, len(together), _AT_ONCE)]


async def by_node(
    script: str, mode: str, url: str, bearer: str, cases: Sequence[Case], patience: float
) -> dict[str, Told]:
    """Read with a script of `tests/node`."""
    tools.require("npm-packages")
    task = {
        "url": url, "bearer": bearer, "mode": mode, "patience": patience, "shown": SHOWN,
        "argument": ARGUMENT,
        "groups": [[{"name": c.name, "asks": c.asks} for c in group] for group in groups(cases)],
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        tools.require("node"), _SCRIPTS / script, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        bound = 30 + 2 * patience
        printed, complaint = await asyncio.wait_for(
            process.communicate(json.dumps(task).encode()), bound
        )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaint.decode()[-2000:]
    return {
        name: Told(told["shown"], told["elsewhere"], told["ms"] and told["ms"] / 1000)
        for name, told in json.loads(printed).items()
    }


async def by_python(
    mode: str, url: str, bearer: str, cases: Sequence[Case], patience: float
) -> dict[str, Told]:
    """Read with the official Python SDK, in the era of `mode`."""
    told: dict[str, Told] = {}
    async with asyncio.TaskGroup() as visits:
        for group in groups(cases):
            elsewhere: list[Any] = []
            told |= {case.name: Told(elsewhere=elsewhere) for case in group}
            visits.create_task(_visit(mode, url, bearer, group, told, elsewhere, patience))
    return told


async def _visit(
    mode: str,
    url: str,
    bearer: str,
    group: Sequence[Case],
    told: dict[str, Told],
    elsewhere: list[Any],
    patience: float,
) -> None:
    async def heard(message: Any) -> None:
        elsewhere.append(repr(message))

    async def asked(context: Any, params: Any) -> ElicitResult:
        elsewhere.append(repr(params))
        return ElicitResult(action="decline")

    headers = {"authorization": f"Bearer {bearer}", "accept": ACCEPT}
    try:
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=patience) as http,
            Client(
                streamable_http_client(url, http_client=http),
                mode=mode,
                read_timeout_seconds=patience,
                message_handler=heard,
                elicitation_callback=asked,
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for case in group:
                tasks.create_task(_ask(client, case, told[case.name]))
    except* Exception as broken:  # noqa: BLE001 - the client itself breaks on some replies
        elsewhere.append(repr(broken.exceptions))


async def _ask(client: Client, case: Case, told: Told) -> None:
    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        told.shown.append((progress, total, message))

    started = time.monotonic()
    try:
        if case.asks == "list":
            answer: Any = await client.list_tools(cursor=case.name)
        else:
            answer = await client.call_tool(
                SHOWN, {ARGUMENT: case.name}, progress_callback=progressed
            )
        told.shown.append(answer.model_dump(mode="json"))
    except MCPError as error:
        told.shown.append((error.code, error.message, error.data))
        if error.code == REQUEST_TIMEOUT:
            return
    except (ValueError, RuntimeError) as error:
        told.shown.append(repr(error))
    told.seconds = time.monotonic() - started


@dataclass(frozen=True)
class Bytes:
    """A caller without any client: HTTP/1.0, so that no framing stands between the bytes."""

    url: str
    bearer: str

    async def exchange(
        self, verb: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> bytes:
        """Send one request and read until the sidecar closes."""
        target = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            raw = b"" if body is None else orjson.dumps(body)
            named = {
                "host": target.netloc, "authorization": f"Bearer {self.bearer}", "accept": ACCEPT,
                "content-type": "application/json", "content-length": str(len(raw)),
            } | (headers or {})  # fmt: skip
            lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
            writer.write(f"{verb} {target.path} HTTP/1.0\r\n{lines}\r\n".encode() + raw)
            return await reader.read()
        finally:
            writer.close()

    async def session(self) -> dict[str, str]:
        """Shake hands; gives the headers of the session."""
        hello = flow.ask(
            "initialize", 0, protocolVersion=LEGACY, capabilities={},
            clientInfo={"name": "bytes", "version": "1"},
        )  # fmt: skip
        answer = (await self.exchange("POST", hello)).decode()
        lines = answer.partition("\r\n\r\n")[0].lower().split("\r\n")
        name = next(line for line in lines if line.startswith("mcp-session-id: "))
        return {"mcp-session-id": name.partition(": ")[2], "mcp-protocol-version": LEGACY}

    async def case(self, case: Case, *, is_modern: bool) -> bytes:
        """Everything that comes for one case, on whatever stream."""
        body = flow.call(SHOWN, 1, **{ARGUMENT: case.name})
        if case.asks == "list":
            body = flow.ask("tools/list", 1, cursor=case.name)
        if is_modern:
            return await self.exchange("POST", *flow.modern(body))
        if not case.then and not case.aside:
            return await self.exchange("POST", body)
        session = await self.session()
        listening = asyncio.create_task(self._listening(case, session))
        got = await self.exchange("POST", body, session)
        if case.then:
            got += await self.exchange("GET", None, session | {"last-event-id": case.name})
        await self.exchange("DELETE", None, session)
        return got + await listening

    async def _listening(self, case: Case, session: dict[str, str]) -> bytes:
        return await self.exchange("GET", None, session) if case.aside else b""


async def by_bytes(
    mode: str, url: str, bearer: str, cases: Sequence[Case], patience: float
) -> dict[str, Told]:
    """Read every byte, of several cases at once."""
    seen = Bytes(url, bearer)
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> Told:
        async with free:
            started = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    got = await seen.case(case, is_modern=mode == "auto")
                    text = got.decode("latin-1") + got.decode("utf-8", "replace")
                    return Told([text], seconds=time.monotonic() - started)
            return Told()

    told = await asyncio.gather(*map(one, cases))
    return {case.name: each for case, each in zip(cases, told, strict=True)}
