"""What the backend is shown when our credentials rotate: the new ones, without a restart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from wire import Papers, Request, Wire, answer, fixed, served

from sidecar import app
from sidecar.errors import ConfigError
from sidecar.model import Head
from sidecar.settings import Settings
from sidecar.upstream import Backend, outgoing, tls

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

PLAIN = outgoing(Head("POST", "/mcp", ()), [])


def configured(folder: Path, **backend: Any) -> Settings:
    """Settings that only a backend's client is made of."""
    return Settings.model_validate(
        {
            "backend": backend,
            "bearer": None,
            "endpoints": [],
            "audit": {"folder": folder / "audit"},
        }
    )


async def once(backend: Backend) -> None:
    async with asyncio.timeout(5):
        await backend.forward("POST", PLAIN, b"{}")


@asynccontextmanager
async def reached(wire: Wire, folder: Path, **files: Any) -> AsyncIterator[Backend]:
    """The client as the settings make it, for a backend whose URL stands in a file."""
    (folder / "url").write_text(wire.url)
    made = app.backends(configured(folder, url_file=folder / "url", **files))
    async with made[""] as backend:
        yield backend


async def test_a_token_that_rotates_is_sent_with_the_next_call(tmp_path):
    token = tmp_path / "token"
    token.write_text("t0ken-1")
    async with (
        served(fixed(answer())) as wire,
        reached(wire, tmp_path, bearer_token_file=token) as backend,
    ):
        await once(backend)
        token.write_text("t0ken-2 is longer\n")
        with capture_logs() as lines:
            await once(backend)
            token.write_text("")
            await once(backend)
    seen = [request.values("authorization") for request in wire.seen]
    assert seen == [["Bearer t0ken-1"], ["Bearer t0ken-2 is longer"], ["Bearer t0ken-2 is longer"]]
    assert wire.connections == 1
    assert "t0ken-" not in str(lines)
    assert [line["log_level"] for line in lines] == ["info", "warning"]


async def test_a_url_that_rotates_is_where_the_next_call_goes(tmp_path):
    async with (
        served(fixed(answer())) as first,
        served(fixed(answer())) as second,
        reached(first, tmp_path) as backend,
    ):
        await once(backend)
        (tmp_path / "url").write_text(f"{second.url}-2")
        with capture_logs() as lines:
            await once(backend)
            (tmp_path / "url").write_text("no-url-but-a-t0ken")
            await once(backend)
    assert len(first.seen) == 1
    assert [request.line for request in second.seen] == ["POST /path-with-a-t0ken-2 HTTP/1.1"] * 2
    assert "t0ken" not in str(lines)


def showing(serials: list[int]) -> Callable[..., Any]:
    """A script that notes the certificate which the caller shows."""

    async def script(_: Request, writer: asyncio.StreamWriter) -> bool:
        shown = writer.get_extra_info("ssl_object").getpeercert()
        serials.append(int(shown["serialNumber"], 16))
        writer.write(answer())
        await writer.drain()
        return True

    return script


async def test_a_client_certificate_that_rotates_is_shown_on_new_connections(tmp_path):
    papers = Papers(tmp_path).make()
    serials: list[int] = []
    files = {
        "ca_file": papers.file("ca.pem"),
        "client_certificate_file": papers.file("client.pem"),
        "client_key_file": papers.file("client.key"),
    }
    key, first = papers.folder / "client.key", papers.serial("client")
    async with (
        served(showing(serials), papers.server(wants_client=True)) as wire,
        reached(wire, tmp_path, **files) as backend,
    ):
        await once(backend)
        await once(backend)
        old_key = key.read_bytes()
        second = papers.renew("client")
        await once(backend)
        new_key = key.read_bytes()
        with capture_logs() as lines:
            key.write_bytes(old_key)
            await once(backend)
            key.write_bytes(new_key)
            await once(backend)
    assert serials == [first, first, second, second, second]
    assert wire.connections == 3
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert lines[0]["problems"][0].startswith(papers.file("client.pem"))


def test_files_for_tls_that_cannot_be_used_are_told_by_name(tmp_path):
    papers = Papers(tmp_path).make()
    (tmp_path / "no.pem").write_text("no PEM")
    for files in [
        (papers.file("no.pem"), None, None),
        (None, papers.file("client.pem"), papers.file("server.key")),
        (None, papers.file("no.pem"), papers.file("server.key")),
        (None, papers.file("client.pem"), papers.locked("client")),
    ]:
        with pytest.raises(ConfigError, match=r"\.pem: .*PEM"):
            tls(*files)
    assert isinstance(tls(papers.file("ca.pem"), None, None), ssl.SSLContext)
