"""Listeners with TLS, over real sockets: who is served, and certificates that rotate."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from structlog.testing import capture_logs
from test_cli_serve import configured
from test_clients import assert_as_promised, visited
from wire import Papers
from world import ACCEPT, PATIENCE, ended

from sidecar import connection, serving
from sidecar.demo.world import World
from sidecar.local.doctor import examine
from sidecar.local.processes import free_port
from sidecar.settings import Admin, Listen, Listening

pytestmark = pytest.mark.anyio
sockets = pytest.mark.sockets


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The event loop that serves is the program's own."""
    return "asyncio", {"loop_factory": serving.Loop}


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    folder = tmp_path / "papers"
    folder.mkdir()
    return Papers(folder).make()


def pair(papers: Papers) -> dict[str, Path]:
    return {
        "certificate_file": papers.folder / "server.pem",
        "key_file": papers.folder / "server.key",
    }


def trusting(papers: Papers) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=papers.file("ca.pem"))


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})


@asynccontextmanager
async def listening(
    papers: Papers, kind: type[Listening] = Listen
) -> AsyncIterator[tuple[str, int]]:
    """A real listener on a free port: its URL and port."""
    made = kind.model_validate({"port": 0, **pair(papers)})
    listener = serving.listener("listen", hello, made, 1)
    task = asyncio.create_task(listener.serve())
    async with asyncio.timeout(PATIENCE):
        while not listener.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    port = listener.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"https://127.0.0.1:{port}/", port
    finally:
        listener.should_exit = True
        await task


class Visitor:
    """A client of which each visit is a new connection, and which tells what it was shown."""

    def __init__(self, papers: Papers, url: str) -> None:
        self._context = trusting(papers)
        self._url = url

    async def visit(self) -> int:
        """Ask once; gives the serial number of the certificate."""
        async with httpx2.AsyncClient(verify=self._context, trust_env=False) as http:
            return await asked(http, self._url)


async def asked(http: httpx2.AsyncClient, url: str) -> int:
    async with http.stream("GET", url, timeout=PATIENCE) as answer:
        assert answer.status_code == 200
        assert await answer.aread() == b"https"
        shown = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
        return int(shown["serialNumber"], 16)


@sockets
@pytest.mark.parametrize("kind", [Listen, Admin])
async def test_new_connections_get_the_new_certificate_and_open_ones_keep_theirs(papers, kind):
    first = papers.serial("server")
    async with (
        listening(papers, kind) as (url, _),
        httpx2.AsyncClient(verify=trusting(papers), trust_env=False) as kept,
    ):
        visitor = Visitor(papers, url)
        assert [await asked(kept, url), await visitor.visit()] == [first, first]
        second = papers.renew("server")
        assert await visitor.visit() == second != first
        assert await asked(kept, url) == first


def turned(papers: Papers, number: int) -> int:
    """A new pair as the kubelet puts it in place: both at once, behind one link."""
    folder, data = papers.folder, papers.folder / "..data"
    serial = papers.renew("fresh")
    new = folder / f"..{number}"
    new.mkdir()
    for end in ("pem", "key"):
        (folder / f"fresh.{end}").rename(new / f"server.{end}")
        if not data.exists():
            (folder / f"server.{end}").unlink()
            (folder / f"server.{end}").symlink_to(f"..data/server.{end}")
    (folder / "..next").symlink_to(new.name)
    (folder / "..next").rename(data)
    return serial


@sockets
async def test_no_request_fails_while_the_certificate_rotates(papers):
    serials = [turned(papers, 0)]
    seen: list[int] = []
    is_over = asyncio.Event()
    async with listening(papers) as (url, _):
        visitor = Visitor(papers, url)

        async def visits() -> None:
            while not is_over.is_set():
                seen.append(await visitor.visit())

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(visits())
            for number in range(1, 5):
                seen.extend([await visitor.visit() for _ in range(5)])
                serials.append(turned(papers, number))
            last = await visitor.visit()
            is_over.set()
    assert last == serials[-1]
    assert set(seen) | {last} == set(serials)


@sockets
async def test_half_a_swap_leaves_the_last_good_pair_in_use_and_is_told_once(papers):
    first, key = papers.serial("server"), papers.folder / "server.key"
    old_key = key.read_bytes()
    async with listening(papers) as (url, _):
        visitor = Visitor(papers, url)
        assert await visitor.visit() == first
        second = papers.renew("server")
        new_key = key.read_bytes()
        key.with_suffix(".open").write_bytes(new_key)
        key.with_suffix(".open").chmod(0o666)
        for spoil in (
            lambda: key.write_bytes(old_key),
            lambda: key.write_bytes(b"x"),
            key.unlink,
            lambda: key.with_suffix(".open").rename(key),
        ):
            spoil()
            with capture_logs() as lines:
                assert [await visitor.visit() for _ in range(3)] == [first] * 3
            (line,) = lines
            assert line["log_level"] == "warning"
            (problem,) = line["problems"]
            assert problem.startswith(f"{key}: ")
        key.chmod(0o600)
        assert await visitor.visit() == second


@sockets
async def test_plain_http_gets_nothing_from_a_listener_with_tls_and_harms_nothing(papers):
    async with listening(papers) as (url, port):
        for words in (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"\x16\x03\x01", b"", b"\x00" * 5000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(words)
            writer.write_eof()
            async with asyncio.timeout(PATIENCE):
                with contextlib.suppress(ConnectionResetError):
                    assert b"HTTP" not in await reader.read()
            writer.close()
        assert await Visitor(papers, url).visit() == papers.serial("server")


@sockets
@pytest.mark.parametrize("words", [b"", b"\x16\x03\x01\x02\x00\x01"])
async def test_a_handshake_that_does_not_end_is_not_waited_for(papers, monkeypatch, words):
    monkeypatch.setattr(serving, "HANDSHAKE_SECONDS", 0.2)
    async with listening(papers) as (url, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(words)
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
        writer.close()
        assert await Visitor(papers, url).visit() == papers.serial("server")


def unanswering(port: int, context: ssl.SSLContext) -> bool:
    """Shake hands, then neither speak nor answer the goodbye; whether the connection ended."""
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as plain,
        context.wrap_socket(plain.dup(), server_hostname="127.0.0.1"),
    ):
        while plain.recv(4096):
            pass
    return True


@sockets
async def test_a_client_that_answers_no_goodbye_is_not_waited_for(papers, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(serving, "GOODBYE_SECONDS", 0.2)
    async with listening(papers) as (_, port):
        assert await asyncio.to_thread(unanswering, port, trusting(papers))


class Secured(World):
    """The demo's world, with TLS for agents."""

    def __init__(self, folder: Path, papers: Papers) -> None:
        super().__init__(folder)
        self._pair = {name: str(path) for name, path in pair(papers).items()}

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        made = super()._settings(port, admin)
        made["listen"] |= self._pair
        self.sidecar_url = self.sidecar_url.replace("http://", "https://")
        return made


@sockets
async def test_the_official_client_is_served_over_tls(papers, tmp_path):
    async with Secured(tmp_path / "world", papers) as world:
        headers = {"authorization": f"Bearer {world.bearer('agent')}", "accept": ACCEPT}
        async with (
            httpx2.AsyncClient(headers=headers, verify=trusting(papers), trust_env=False) as http,
            Client(streamable_http_client(world.url("triage"), http_client=http)) as client,
        ):
            assert_as_promised(await visited(client))


def sealed(folder: Path, papers: Papers) -> Path:
    """Settings with TLS on both listeners."""
    files = {name: str(path) for name, path in pair(papers).items()}
    sections = {name: {"port": free_port(), **files} for name in ("listen", "admin")}
    return configured(folder, **sections)


@sockets
async def test_a_sidecar_with_tls_on_both_listeners_is_examined_and_stops_in_time(papers, tmp_path):
    config = sealed(tmp_path, papers)
    made = yaml.safe_load(config.read_text())
    words = ("-m", "sidecar", "serve", "--config", str(config))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=PIPE)
    try:
        await until(f"https://127.0.0.1:{made['admin']['port']}/readyz", papers)
        found = [one async for one in examine(config)]
        assert await ended(process) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        _, said = await process.communicate()
    assert b"Traceback" not in said
    told = " ".join(one.what for one in found if one.level == "ok")
    assert "the sidecar is ready" in told
    assert "clients are served at 127.0.0.1" in told


async def until(url: str, papers: Papers) -> None:
    """Wait until somebody answers well."""
    async with (
        asyncio.timeout(PATIENCE),
        httpx2.AsyncClient(verify=trusting(papers), trust_env=False) as http,
    ):
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if (await http.get(url)).status_code == httpx2.codes.OK:
                    return
            await asyncio.sleep(0.05)
