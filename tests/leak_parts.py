"""A real sidecar that is watched: values are planted, and every place is read where one could show.

`SINKS` is the list of those places. To add one, add a line: a name, and what reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import console
import httpx2
import orjson
from flow import result
from leak_canaries import Canaries, Data
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from world import ACCEPT, PATIENCE, Everything

from sidecar.model import Reply

UNMASKED: Final = """
from sidecar import redaction
from sidecar.exchange import evidence
from sidecar.redaction.masking import Redacted
redaction.scrub = lambda text: text
redaction.scrub_value = lambda value: value
redaction.withhold = lambda value, findings: value
async def shown(self, value, *of):
    return Redacted(value)
redaction.Redactor.redact = redaction.Redactor.redact_value = shown
redaction.Redactor.leaks = lambda self, older_than=0.0: ()
evidence.shown_name = lambda text: text
from sidecar.cli import main
main()
"""
"""A program with its masking and scrubbing taken out: what is watched must be seen to leak."""

READ: Final = "list_all_gladly_customers"
ADMIN_PAGES: Final = ("/metrics", "/readyz", "/livez", "/", "/debug")


@dataclass
class Scripted:
    """The backend: answers everything but the sidecar's own look with `reply`, or friendly."""

    reply: Reply | None = None
    sent: int = 0

    def app(self) -> Starlette:
        """The ASGI application, at `/mcp`."""
        return Starlette(routes=[Route("/mcp", self._answer, methods=["POST", "GET", "DELETE"])])

    async def _answer(self, request: Request) -> Response:
        self.sent += 1
        body = await request.body()
        asked = orjson.loads(body) if body else {}
        reply = self.reply or _friendly(asked)
        made = StreamingResponse(_parts(reply), reply.status) if reply.stream else None
        response = made or Response(reply.body, reply.status)
        for name, value in reply.headers:
            response.headers.append(name, value)
        return response


def _friendly(asked: dict[str, Any]) -> Reply:
    if "id" not in asked or "method" not in asked:
        return Reply(202)
    results: dict[str, Any] = {
        "initialize": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "serverInfo": {"name": "scripted", "version": "1"},
        },
        "tools/list": {"tools": []},
        "tools/call": {"content": []},
    }
    return result(results.get(asked["method"], {}), asked["id"])


async def _parts(reply: Reply) -> AsyncIterator[bytes]:
    assert reply.stream is not None
    async for part in reply.stream:
        yield part


class Watched(Everything):
    """A sidecar at level debug whose streams and temporary files are kept in its folder.

    `program` are the words behind `python` that start it.
    """

    def __init__(
        self,
        folder: Path,
        target: str,
        backend: Scripted,
        program: tuple[str, ...] = ("-m", "sidecar"),
        **changes: Any,
    ) -> None:
        super().__init__(folder, target, log={"level": "debug", "format": "json"}, **changes)
        self.backend = backend
        self.program = program
        self.planted: list[Canaries] = []
        self.admin_url = ""
        self.bearers: dict[str, str] = {}

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        self.admin_url = f"http://127.0.0.1:{admin}"
        return super()._settings(port, admin)

    async def spawn(self, *arguments: str) -> Process:
        """Start the sidecar; what it writes to its streams is kept."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        with (self.folder / "out").open("ab") as out, (self.folder / "err").open("ab") as err:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *self.program, *arguments, stdout=out, stderr=err,
                env=os.environ | {"TMPDIR": str(self.folder / "tmp")},  # noqa: TID251 - its own
            )  # fmt: skip
        self._processes.append(process)
        return process

    async def ask(
        self,
        body: Any,
        headers: Any = (),
        *,
        endpoint: str = "everything",
        verb: str = "POST",
        suffix: str = "",
        subject: str | None = "agent",
    ) -> httpx2.Response:
        """Send one request as a caller would; without a `subject` it bears no token."""
        named = subject or "nobody"
        bearer = self.bearers.setdefault(named, self.bearers.get(named) or self.bearer(named))
        usual = {"accept": ACCEPT} | ({"authorization": f"Bearer {bearer}"} if subject else {})
        async with _client(headers=usual) as http:
            raw = body if isinstance(body, bytes) else orjson.dumps(body)
            sent = list(headers)
            if "content-type" not in dict(headers):
                sent.append(("content-type", "application/json"))
            url = self.url(endpoint) + suffix
            return await http.request(verb, url, content=raw, headers=sent)

    @property
    def secrets(self) -> list[str]:
        """Every credential of this sidecar and of its callers, which show nowhere at any time."""
        files = ("backend-token", "bearer-secret", "endpoint-key")
        kept = [(self.folder / name).read_text().strip() for name in files]
        return [
            *kept,
            *(path.split("/")[-1] for path in self._paths.values()),
            *self.bearers.values(),
        ]

    async def leaks(self, values: list[str], replies: list[httpx2.Response]) -> list[str]:
        """Where which of the values shows, and how it is written there."""
        told = [(sink.name, Data(await sink.read(self))) for sink in SINKS]
        told += [("a reply", Data(r.content + str(r.headers).encode())) for r in replies]
        return [
            f"{name}: {value} as {form}"
            for name, data in told
            for value in (*values, *self.secrets)
            if (form := data.form_of(value))
        ]


def _client(**named: Any) -> httpx2.AsyncClient:
    """A client for loopback; authorities for TLS take long to read, and none is asked for."""
    return httpx2.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE, **named)


Read = Callable[[Watched], Awaitable[bytes]]


@dataclass(frozen=True)
class Sink:
    """A place where something could show: its name, and what reads all of it."""

    name: str
    read: Read


def _bytes(file: Path) -> bytes:
    """What a file holds; one that was replaced by another since it was listed holds nothing."""
    with contextlib.suppress(FileNotFoundError):
        return file.read_bytes()
    return b""


def _files(*names: str) -> Read:
    async def read(world: Watched) -> bytes:
        places = [world.folder / name for name in names]
        files = [f for p in places for f in ([p] if p.is_file() else p.rglob("*")) if f.is_file()]
        return b"\n".join(str(file).encode() + b"\n" + _bytes(file) for file in files)

    return read


def _command(*words: str) -> Read:
    async def read(world: Watched) -> bytes:
        ran = await asyncio.to_thread(console.sidecar, "audit", *words, world.audit_log)
        return f"{ran.out}{ran.err}".encode()

    return read


async def _shown(world: Watched) -> bytes:
    """The last events, as `sidecar audit show` tells of each."""
    lines = world.audit_log.read_bytes().splitlines()[-2:]
    ids = {orjson.loads(line)["id"] for line in lines}
    told = [
        await asyncio.to_thread(console.sidecar, "audit", "show", world.audit_log, i) for i in ids
    ]
    return "\n".join(one.out + one.err for one in told).encode()


async def _admin(world: Watched) -> bytes:
    if world.process.returncode is not None:
        return b""
    async with _client(base_url=world.admin_url) as http:
        pages = [await http.get(page) for page in ADMIN_PAGES]
    return b"\n".join(page.content + str(page.headers).encode() for page in pages)


async def _process(world: Watched) -> bytes:
    """What other users and neighbours see of the process: arguments and environment."""
    folder = Path("/proc") / str(world.process.pid)
    names = ("cmdline", "environ", "comm") if folder.is_dir() else ()
    return b"\n".join((folder / name).read_bytes() for name in names)


SINKS: Final = (
    Sink("audit files", _files("audit")),
    Sink("standard output", _files("out")),
    Sink("standard error", _files("err")),
    Sink("settings", _files("sidecar.yaml")),
    Sink("temporary files", _files("tmp")),
    Sink("admin pages", _admin),
    Sink("audit report", _command("report", "--all")),
    Sink("audit report, Markdown", _command("report", "--markdown")),
    Sink("audit verify", _command("verify")),
    Sink("audit show", _shown),
    Sink("process", _process),
    Sink("OPA's log", _files("opa")),
)
"""Every place where something could show; the replies to callers are read besides."""


def reviewed(folder: Path) -> bytes:
    """All that a reviewer makes of a log: each report in each form, and what its commands print."""
    log = folder / "audit"
    made = {form: folder / f"report.{form}" for form in ("html", "csv", "json")}
    asked = [("report", f"--{form}", str(file)) for form, file in made.items()]
    ran = [console.sidecar("audit", *words, str(log)) for words in (*asked, ("query",), ("tail",))]
    told = b"".join(f"{one.out}{one.err}".encode() for one in ran)
    return told + b"".join(file.read_bytes() for file in made.values())
