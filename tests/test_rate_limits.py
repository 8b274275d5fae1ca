"""Invariant 10 through real processes: a 429 arrives as it left, and is asked for only once."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import count

import flow
import httpx2
import pytest
from gladly_fixtures import ERAS, Stack, stack
from starlette.types import Receive, Scope, Send
from world import Behind, caller, handshake, logged, served, staged

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

IDS = count(1000)
Headers = list[tuple[bytes, bytes]]


class Throttle:
    """A backend that has had enough: every request gets the same 429, and is counted."""

    def __init__(self) -> None:
        self.headers: Headers = []
        self.body = b""
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.requests += 1
        await send({"type": "http.response.start", "status": 429, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


ANSWERS: dict[str, tuple[Headers, bytes]] = {
    "bare": ([], b""),
    "gladly": (
        [
            (b"Retry-After", b"1"),
            (b"Content-Type", b"application/json"),
            (b"Ratelimit-Limit-Second", b"10"),
            (b"Ratelimit-Remaining-Second", b"0"),
        ],
        b'{"message":"API rate limit exceeded"}',
    ),
    "dates and drafts": (
        [
            (b"RETRY-AFTER", b"Sun, 22 Nov 2026 11:30:00 GMT"),
            (b"content-type", b"text/html; charset=iso-8859-1"),
            (b"RateLimit", b'"default";r=0;t=30'),
            (b"RateLimit-Policy", b'"default";q=100;w=60, "burst";q=10;w=1'),
            (b"X-RateLimit-Reset", b"1795346400"),
        ],
        b"<p>Too many \xe9\xff\x00 requests</p>\r\n\r\n",
    ),
    "repeated and odd": (
        [
            (b"ratelimit", b"first"),
            (b"ratelimit", b"second"),
            (b"x-ratelimit-note", b"d\xe9j\xe0 vu"),
            (b"x-ratelimit-empty", b""),
            (b"x-ratelimit-quote", '"über"'.encode()),
        ],
        b'{"a":1,"a":2, "n":1e999}\xef\xbb\xbf',
    ),
    "compressed": (
        [
            (b"retry-after", b"3"),
            (b"content-type", b"application/json"),
            (b"content-encoding", b"gzip"),
            (b"x-ratelimit-reset", b"9"),
        ],
        gzip.compress(b'{"message":"slow down"}'),
    ),
    "nested too deep to be scanned": (
        [(b"content-type", b"application/json"), (b"retry-after", b"4")],
        b"[" * 100 + b'"mara.lindqvist@example.com"' + b"]" * 100,
    ),
    "personal": (
        [(b"content-type", b"application/json"), (b"retry-after", b"2")],
        b'{"message":"limit of mara.lindqvist@example.com exceeded"}',
    ),
}


@pytest.fixture(scope="module")
def throttle() -> Iterator[tuple[Throttle, str]]:
    backend = Throttle()
    with served(backend, has_list=False) as url:
        yield backend, f"{url}/mcp"


@pytest.fixture(scope="module")
def sidecar(
    throttle: tuple[Throttle, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    with staged(Behind(tmp_path_factory.mktemp("sidecar"), throttle[1])) as up:
        yield up


@pytest.fixture(scope="module")
def gladly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Simulator and backend, with one request a second allowed and a clock that stands still."""
    with stack(tmp_path_factory.mktemp("gladly"), rate=1) as up:
        yield up


@pytest.fixture(scope="module")
def before_gladly(gladly: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with staged(Behind(tmp_path_factory.mktemp("sidecar"), gladly.url)) as up:
        yield up


def told(answer: httpx2.Response) -> Headers:
    """Everything that says how to back off, in order, and what the body is."""
    names = (b"retry-after", b"content-type", b"content-encoding", b"ratelimit", b"x-ratelimit")
    pairs = ((name.lower(), value) for name, value in answer.headers.raw)
    return [pair for pair in pairs if pair[0].startswith(names)]


async def call(
    http: httpx2.AsyncClient, url: str, era: str, session: dict[str, str] | None = None
) -> tuple[int, httpx2.Response]:
    """Call a tool; gives the request's id and the answer."""
    body, headers = flow.call("list_all_gladly_inboxes", next(IDS)), session or {}
    if era == "auto":
        body, headers = flow.modern(body)
    return body["id"], await http.post(url, json=body, headers=headers)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", ANSWERS)
async def test_invariant_10_any_429_arrives_byte_for_byte(sidecar, throttle, kind, era):
    backend, url = throttle
    backend.headers, backend.body = ANSWERS[kind]
    async with caller(sidecar.bearer("agent")) as http:
        _, sent = await call(http, url, era)
        before = backend.requests
        request_id, got = await call(http, sidecar.url("triage"), era)
    assert backend.requests == before + 1
    assert sent.status_code == got.status_code == 429
    body = gzip.decompress(backend.body) if "content-encoding" in got.headers else backend.body
    assert got.content == sent.content == body
    assert got.headers["content-length"] == str(len(backend.body))
    assert told(got) == told(sent) == [(name.lower(), value) for name, value in backend.headers]
    (outcome,) = logged(sidecar, request_id=str(request_id))
    assert (outcome["outcome"]["status"], outcome["outcome"]["http"]) == ("rate_limited", 429)
    data = outcome.get("data", {})
    is_unread = kind in {"compressed", "nested too deep to be scanned"}
    assert data.pop("result") == ("unscannable" if is_unread else "scanned")
    assert data == ({"found": {"EMAIL": 1}} if kind == "personal" else {})


async def test_invariant_10_a_429_over_the_cap_keeps_its_fields_and_the_beginning_of_its_body(
    sidecar, throttle
):
    backend, _ = throttle
    backend.headers, backend.body = ANSWERS["gladly"][0], bytes(range(256)) * 300
    async with caller(sidecar.bearer("agent")) as http:
        _, got = await call(http, sidecar.url("triage"), "auto")
    assert (got.status_code, got.content) == (429, backend.body[: 64 * 1024])
    assert told(got) == [(name.lower(), value) for name, value in backend.headers]
    assert got.headers["content-length"] == str(64 * 1024)


@pytest.mark.parametrize("era", ERAS)
async def test_invariant_10_the_limit_of_gladly_arrives_as_the_backend_told_it(
    gladly, before_gladly, era
):
    async with caller(before_gladly.bearer("agent")) as http:
        answers = []
        for url in (gladly.url, before_gladly.url("triage")):
            session = await handshake(http, url) if era == "legacy" else None
            gladly.clock.advance(1)
            first = (await call(http, url, era, session))[1]
            assert first.status_code == 200
            before = len(gladly.world.requests)
            over = [(await call(http, url, era, session))[1] for _ in range(5)]
            assert len(gladly.world.requests) == before + 5
            answers.append([(a.status_code, a.content, told(a)) for a in over])
    assert answers[0] == answers[1] == [answers[0][0]] * 5
    status, body, headers = answers[0][0]
    assert (status, body) == (429, b'{"message":"API rate limit exceeded"}')
    assert dict(headers).keys() >= {b"retry-after", b"ratelimit-limit", b"ratelimit-limit-second"}
