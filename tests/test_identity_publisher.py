"""Fetching a key set over real sockets: from a checked address, under the name that TLS wants."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx2
import pytest
from wire import Papers, Wire, answer, fixed, served

from sidecar.identity import Publisher, Unpublished
from sidecar.settings import Rotating, token_in

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

KEYS = b'{"keys": []}'


class Names:
    """A name server that knows one answer, and keeps what it was asked for."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append(host)
        return self.addresses


def port_of(wire: Wire) -> int:
    return int(wire.url.rpartition(":")[2].partition("/")[0])


def publisher(http: httpx2.AsyncClient, url: str, *addresses: str, **more: Any) -> Publisher:
    named: dict[str, Any] = {"is_in_cluster": True, "resolve": Names(*addresses)}
    return Publisher(url, http, **named | more)


async def test_a_set_comes_from_the_address_that_was_checked_and_under_its_own_name():
    async with served(fixed(answer(KEYS))) as wire, httpx2.AsyncClient(trust_env=False) as http:
        url = f"http://keys.example:{port_of(wire)}/set?v=1"
        names = Names("127.0.0.1")
        assert await publisher(http, url, resolve=names).body() == KEYS
        (request,) = wire.seen
        assert request.line == "GET /set?v=1 HTTP/1.1"
        assert request.values("host") == [f"keys.example:{port_of(wire)}"]
        assert request.values("authorization") == []
        assert names.asked == ["keys.example"]


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("10.0.0.9",), ("169.254.169.254",), ("127.0.0.1", "1.1.1.1"), ()]
)
async def test_a_public_host_that_leads_inside_is_never_asked(addresses):
    async with served(fixed(answer(KEYS))) as wire, httpx2.AsyncClient(trust_env=False) as http:
        url = f"http://keys.example:{port_of(wire)}/set"
        with pytest.raises(Unpublished, match="address is not allowed"):
            await publisher(http, url, *addresses, is_in_cluster=False).body()
        assert wire.seen == []


async def test_an_address_that_refuses_is_followed_by_the_next():
    async with served(fixed(answer(KEYS))) as wire, httpx2.AsyncClient(trust_env=False) as http:
        url = f"http://keys.example:{port_of(wire)}/set"
        assert await publisher(http, url, "127.0.0.9", "127.0.0.1").body() == KEYS


async def test_tls_wants_the_name_of_the_url_and_not_the_address(tmp_path):
    papers = Papers(tmp_path).make()
    context = ssl.create_default_context(cafile=papers.file("ca.pem"))
    async with (
        served(fixed(answer(KEYS)), papers.server()) as wire,
        httpx2.AsyncClient(verify=context, trust_env=False) as http,
    ):
        good = f"https://127.0.0.1:{port_of(wire)}/set"
        assert await publisher(http, good, "127.0.0.1").body() == KEYS
    async with (
        served(fixed(answer(KEYS)), papers.server()) as wire,
        httpx2.AsyncClient(verify=context, trust_env=False) as http,
    ):
        other = f"https://keys.example:{port_of(wire)}/set"
        with pytest.raises(Unpublished, match="ConnectError"):
            await publisher(http, other, "127.0.0.1").body()
        assert wire.seen == []


async def test_a_token_is_shown_as_its_file_has_it_now(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("one")
    async with served(fixed(answer(KEYS))) as wire, httpx2.AsyncClient(trust_env=False) as http:
        url = f"http://127.0.0.1:{port_of(wire)}/set"
        source = publisher(http, url, "127.0.0.1", token=Rotating(token_in, file))
        await source.body()
        file.write_text("another")
        await source.body()
        shown = [request.values("authorization") for request in wire.seen]
        assert shown == [["Bearer one"], ["Bearer another"]]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (answer(KEYS, "302 Found", location="http://127.0.0.1:1/"), "status 302"),
        (answer(KEYS, "503 Busy"), "status 503"),
        (answer(KEYS, content_encoding="gzip"), "status 200"),
        (answer(b"x" * 300_000), "too large"),
        (b"no http at all\r\n\r\n", "RemoteProtocolError"),
    ],
)
async def test_anything_but_a_plain_answer_is_no_set(raw, why):
    async with served(fixed(raw)) as wire, httpx2.AsyncClient(trust_env=False) as http:
        with pytest.raises(Unpublished, match=why):
            await publisher(http, f"http://127.0.0.1:{port_of(wire)}/set", "127.0.0.1").body()
        assert len(wire.seen) == 1


async def test_a_name_that_nobody_knows_is_no_set():
    async with httpx2.AsyncClient(trust_env=False) as http:
        with pytest.raises(Unpublished, match="gaierror"):
            await Publisher("https://keys.invalid/set", http).body()
