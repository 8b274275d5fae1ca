"""What stands between us and Gladly, told in one clear line that holds no secret."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gladly_fixtures import EMAIL, TOKEN, Gladly
from wire import Papers

from sidecar.errors import ConfigError, SidecarError
from sidecar.gladly import client as module
from sidecar.gladly.client import Client
from sidecar.gladly.credential import organization


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def asked(url: str, token_file: Path, **options: Any) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        client = Client(url, EMAIL, token_file, **options)
        try:
            return await organization(client, url)
        finally:
            await client.aclose()

    return asyncio.run(run())


def told(url: str, token_file: Path, **options: Any) -> str:
    with pytest.raises(SidecarError) as refused:
        asked(url, token_file, **options)
    line = str(refused.value)
    assert "\n" not in line
    assert TOKEN not in line
    assert refused.value.__cause__ is None
    return line


def test_a_credential_that_works_answers_the_organisation(token_file):
    transport = httpx2.ASGITransport(Gladly().app)
    assert asked("http://g.example", token_file, transport=transport)["name"] == "Sample Store"


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "g.example does not accept this e-mail address with this token"),
        (403, "lacks the permission API User: have it granted"),
        (404, "has no API there: check the organisation's name"),
        (429, "is at its rate limit: try again in a second"),
        (500, "answered 500: try again later"),
    ],
)
def test_a_refusal_says_what_to_do(token_file, status, says):
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, text=TOKEN))
    assert says in told("https://g.example", token_file, transport=transport)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"id": 1}', "[" * 200_000])
def test_what_answers_otherwise_than_gladly_is_told(token_file, body):
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, text=body))
    said = told("https://g.example", token_file, transport=transport)
    assert "g.example does not answer as Gladly does" in said


@asynccontextmanager
async def server(answer: bytes | None, **tls: Any) -> AsyncIterator[str]:
    """A host that answers so, or never."""
    scheme = "https" if tls else "http"

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0, **tls) as listening:
        yield f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


ORGANIZATION = b'HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{"id":"x"}'


async def outcome(url: str, token_file: Path, **options: Any) -> str:
    client = Client(url, EMAIL, token_file, **options)
    try:
        return str((await organization(client, url))["id"])
    except SidecarError as error:
        return str(error)
    finally:
        await client.aclose()


@pytest.mark.sockets
@pytest.mark.anyio
async def test_a_certificate_of_a_stranger_is_told_and_its_authority_can_be_named(
    tmp_path, token_file
):
    papers = Papers(tmp_path).make()
    async with server(ORGANIZATION, ssl=papers.server()) as url:
        said = await outcome(url, token_file)
        assert "certificate cannot be verified (127.0.0.1): check the host" in said
        assert "--ca-file" in said
        assert await outcome(url, token_file, ca_file=Path(papers.file("ca.pem"))) == "x"


@pytest.mark.sockets
@pytest.mark.anyio
async def test_a_gladly_that_is_slow_is_told(token_file, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    async with server(None) as url:
        said = await outcome(url, token_file)
    assert said == "Gladly did not answer in time (127.0.0.1): try again later"


@pytest.mark.sockets
@pytest.mark.anyio
async def test_a_host_that_nobody_knows_is_told(token_file):
    said = await outcome("https://no-such.invalid", token_file)
    assert said == "Gladly's host is not known (no-such.invalid): check the organisation's name"


def test_authorities_that_cannot_be_read_are_a_problem_of_the_settings(tmp_path, token_file):
    with pytest.raises(ConfigError) as refused:
        Client("https://g.example", EMAIL, token_file, ca_file=tmp_path / "none.pem")
    assert refused.value.problems[0].remedy == "name a PEM file"
