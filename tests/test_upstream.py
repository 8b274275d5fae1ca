"""The client towards the backend, over real sockets: what it sends and what it takes.

Over 300 lines: one client, and one hostile server for every way in which a reply can be bad.
"""

from __future__ import annotations

import asyncio
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import Papers, answer, chunk, fixed, reached, served, silent, steps

from sidecar.errors import BackendFailed, BackendTimedOut, Refusal
from sidecar.model import Head, Reply
from sidecar.upstream import Backend, Target, is_rate_header, outgoing, tls

pytestmark = pytest.mark.anyio
sockets = pytest.mark.sockets

SENT = {"host", "accept", "accept-encoding", "user-agent", "content-type", "content-length"}
SENT_TOO = {"authorization", "mcp-session-id", "mcp-protocol-version", "last-event-id"}
PLAIN = outgoing(Head("POST", "/mcp", ()), [])
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)


async def once(backend: Backend, body: bytes | None = b"{}") -> Reply:
    return await backend.forward("POST", PLAIN, body)


async def whole(backend: Backend) -> list[bytes]:
    """Ask once, and read what streams to its end."""
    reply = await once(backend)
    return [part async for part in reply.stream] if reply.stream else [reply.body]


async def refused(backend: Backend) -> Refusal:
    """Why a request fails; checks that nothing of the URL is in what is said."""
    with pytest.raises(Refusal) as caught:
        await whole(backend)
    refusal = caught.value
    told = f"{refusal} {refusal.public} {refusal.reason} {refusal.data} {refusal.headers}"
    assert "t0ken" not in told
    assert "127.0.0.1" not in told
    assert refusal.__cause__ is None
    assert refusal.__suppress_context__ or refusal.__context__ is None
    return refusal


@given(
    verb=st.sampled_from(["POST", "GET", "DELETE"]),
    theirs=st.lists(
        st.tuples(TOKENS | st.sampled_from(sorted({*SENT_TOO, "x-request-id"})), TOKENS), max_size=8
    ),
)
def test_no_header_goes_out_but_those_on_the_list(verb, theirs):
    sent = outgoing(Head(verb, "/mcp", tuple(theirs)), [("mcp-method", "ping")])
    known = SENT | SENT_TOO | {"mcp-method"}
    assert {name for name in sent if not name.startswith("mcp-param-")} <= known
    assert "authorization" not in sent
    assert sent["accept-encoding"] == "identity"
    assert ("content-type" in sent) is (verb == "POST")


def test_a_header_written_from_the_judged_body_wins_over_a_received_one():
    head = Head("POST", "/mcp", (("mcp-protocol-version", "theirs"),))
    assert outgoing(head, [("mcp-protocol-version", "ours")])["mcp-protocol-version"] == "ours"


def test_a_get_asks_for_a_stream_alone():
    assert outgoing(Head("GET", "/mcp", ()), [])["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("RateLimit-Limit", True),
        ("ratelimit", True),
        ("X-RateLimit-Reset", True),
        ("Retry-After", False),
        ("set-cookie", False),
    ],
)
def test_headers_about_limits_are_known(name, is_one):
    assert is_rate_header(name) is is_one


@sockets
async def test_the_request_holds_exactly_the_headers_on_the_list():
    theirs = (("cookie", "a=b"), ("x-user", "root"), ("mcp-session-id", "s1"),
              ("authorization", "Bearer theirs"), ("host", "evil.example"))  # fmt: skip
    headers = outgoing(Head("POST", "/mcp", theirs), [])
    async with reached(fixed(answer()), authorization="Bearer s3cret") as (wire, backend):
        await backend.forward("POST", headers, b'{"a":1}')
    (request,) = wire.seen
    assert request.line == "POST /path-with-a-t0ken HTTP/1.1"
    assert {name for name, _ in request.headers} == SENT | {"authorization", "mcp-session-id"}
    assert len(request.headers) == len(dict(request.headers))
    assert request.values("host") == [wire.url.split("/")[2]]
    assert request.values("authorization") == ["Bearer s3cret"]
    assert request.values("accept-encoding") == ["identity"]
    assert request.body == b'{"a":1}'


@sockets
async def test_a_header_that_cannot_be_written_is_a_failure_and_nothing_is_sent():
    async with reached(fixed(answer())) as (wire, backend):
        with pytest.raises(BackendFailed):
            await backend.forward("POST", PLAIN | {"mcp-session-id": "a\r\nx-evil: 1"}, b"{}")
        assert wire.seen == []


@sockets
async def test_connections_are_kept_and_used_again():
    async with reached(fixed(answer(b'{"x":1}'))) as (wire, backend):
        for _ in range(5):
            assert (await once(backend)).body == b'{"x":1}'
        assert wire.connections == 1


@sockets
async def test_no_redirect_is_followed():
    raw = answer(b"", "307 Temporary Redirect", location="/x")
    async with reached(fixed(raw)) as (wire, backend):
        assert (await refused(backend)).reason == "backend_redirects"
        assert len(wire.seen) == 1


@sockets
async def test_no_cookie_is_kept():
    """By name: a jar, were there one, would keep no cookie of a bare address."""
    script = fixed(answer(set_cookie="a=b; Path=/"))
    async with served(script) as wire, Backend(Target(named(wire.url))) as backend:
        replies = [await once(backend), await once(backend)]
    assert [request.values("cookie") for request in wire.seen] == [[], []]
    assert "set-cookie" not in dict(replies[0].headers)


def named(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


@sockets
async def test_only_headers_on_the_list_come_back():
    raw = answer(retry_after="3", ratelimit_limit="10", mcp_session_id="s", server="x", via="y",
                 www_authenticate="Bearer")  # fmt: skip
    async with reached(fixed(raw)) as (_, backend):
        names = {name for name, _ in (await once(backend)).headers}
    assert names == {"content-type", "retry-after", "ratelimit-limit", "mcp-session-id"}


@sockets
async def test_proxy_variables_of_the_environment_are_ignored(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with reached(fixed(answer())) as (_, backend):
        assert (await once(backend)).status == 200


@sockets
async def test_a_proxy_of_the_settings_is_used():
    async with served(fixed(answer(b'{"by":"proxy"}'))) as proxy:
        url = "http://backend.invalid/mcp"
        async with Backend(Target(url, proxy=proxy.url.rsplit("/", 1)[0])) as backend:
            assert (await once(backend)).body == b'{"by":"proxy"}'
    assert proxy.seen[0].line == f"POST {url} HTTP/1.1"


@sockets
async def test_a_proxy_is_asked_for_a_tunnel_to_an_https_backend():
    async with served(fixed(answer(b"", "403 Forbidden"), stays=False)) as proxy:
        target = Target("https://backend.invalid/t0ken", proxy=proxy.url.rsplit("/", 1)[0])
        async with Backend(target) as backend:
            await refused(backend)
    assert proxy.seen[0].line == "CONNECT backend.invalid:443 HTTP/1.1"
    assert "t0ken" not in str(proxy.seen[0])


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers")).make()


@sockets
async def test_an_own_authority_is_trusted_and_a_client_certificate_shown(papers):
    shows = ("ca.pem", "client.pem", "client.key")
    async with reached(fixed(answer(b'{"tls":1}')), papers, shows=shows) as (_, backend):
        assert (await once(backend)).body == b'{"tls":1}'


@sockets
@pytest.mark.parametrize("shows", [(None, None, None), ("ca.pem", None, None)])
async def test_a_stranger_or_a_missing_certificate_fails_without_a_name(papers, shows):
    async with reached(fixed(answer()), papers, shows=shows) as (wire, backend):
        assert isinstance(await refused(backend), BackendFailed)
        assert wire.seen == []


def test_tls_is_verified_without_being_told():
    context = tls(None, None, None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@sockets
async def test_a_refused_connection_fails():
    async with served(fixed(answer())) as wire:
        url = wire.url
    async with Backend(Target(url)) as backend:
        assert (await refused(backend)).status == 502


async def test_a_client_that_is_not_open_fails():
    assert (await refused(Backend(Target("http://127.0.0.1:9/t0ken")))).status == 502


@sockets
async def test_a_backend_that_does_not_answer_times_out():
    async with asyncio.timeout(5), reached(silent, reply_timeout=0.05) as (wire, backend):
        assert isinstance(await refused(backend), BackendTimedOut)
        await wire.none_open()


@sockets
@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer(b"x" * 2000), "reply_too_large"),
        (answer(b"x" * 70_000, "404 Not Found"), "reply_too_large"),
        (CHUNKED + chunk(b"x" * 900) * 2, "reply_too_large"),
        (answer(content_encoding="gzip"), "backend_compressed"),
        (answer(b"", "200 OK", content_length="10"), "backend_failed"),
        (b"not HTTP\r\n\r\n", "backend_failed"),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "backend_failed"),
        (b"", "backend_failed"),
    ],
    ids=["large", "large error", "unannounced", "compressed", "cut", "no HTTP", "header", "none"],
)
async def test_a_reply_that_is_not_as_it_must_be_fails(raw, reason):
    script = fixed(raw, stays=False)
    async with asyncio.timeout(5), reached(script, reply_bytes=1000) as (wire, backend):
        assert (await refused(backend)).reason == reason
        await wire.none_open()


@sockets
@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"\x1f\x8b\x00\xff", "gzip"), (b"x" * 64 * 1024, "identity"), (b"", "br")],
    ids=["compressed", "at the cap", "empty"],
)
async def test_invariant_10_a_429_comes_whole_with_its_encoding(body, encoding):
    raw = answer(body, "429 Too Many Requests", content_encoding=encoding, retry_after="3")
    async with reached(fixed(raw)) as (_, backend):
        reply = await once(backend)
    assert (reply.status, reply.body) == (429, body)
    assert (reply.get("content-encoding"), reply.get("retry-after")) == (encoding, "3")


@sockets
@pytest.mark.parametrize("is_chunked", [True, False])
async def test_invariant_10_a_429_over_the_cap_is_cut_there_and_its_connection_not_used_again(
    is_chunked,
):
    body = bytes(range(256)) * 300
    raw = answer(body, "429 Too Many Requests", retry_after="3")
    if is_chunked:
        head = CHUNKED.replace(b"200 OK", b"429 Too Many Requests\r\nretry-after: 3")
        raw = head + chunk(body[:1000]) + chunk(body[1000:]) + b"0\r\n\r\n"
    async with asyncio.timeout(5), reached(fixed(raw)) as (wire, backend):
        for _ in range(2):
            reply = await once(backend)
            assert (reply.status, reply.body) == (429, body[: 64 * 1024])
            assert reply.get("retry-after") == "3"
        assert len(wire.seen) == 2


@sockets
async def test_chunks_of_a_stream_are_given_on_as_they_come():
    more = asyncio.Event()
    script = steps(chunk(b"data: 1\n\n"), more, chunk(b"data: 2\n\n"), b"0\r\n\r\n")
    async with asyncio.timeout(5), reached(script) as (_, backend):
        reply = await once(backend)
        assert reply.stream is not None
        assert await anext(reply.stream) == b"data: 1\n\n"
        more.set()
        assert [part async for part in reply.stream] == [b"data: 2\n\n"]
        assert reply.body == b""


@sockets
async def test_a_stream_may_outlive_the_time_for_a_reply():
    later = asyncio.Event()
    script = steps(later, chunk(b"data: 1\n\n"), b"0\r\n\r\n")
    async with asyncio.timeout(5), reached(script, reply_timeout=0.05) as (_, backend):
        asyncio.get_running_loop().call_later(0.15, later.set)
        assert await whole(backend) == [b"data: 1\n\n"]


@sockets
async def test_a_stream_that_falls_silent_times_out():
    async with asyncio.timeout(5), reached(steps(None), idle_timeout=0.05) as (_, backend):
        assert (await refused(backend)).reason == "stream_idle"


@sockets
async def test_a_stream_that_is_cut_fails():
    async with reached(steps(chunk(b"data: 1\n\n"))) as (_, backend):
        assert isinstance(await refused(backend), BackendFailed)


@sockets
async def test_200_streams_that_nobody_reads_leave_the_pool_as_it_was():
    """Two connections for all: each must be given back, or the third request would wait."""
    script = steps(chunk(b"data: 1\n\n"), None)
    async with asyncio.timeout(20), reached(script, max_connections=2) as (wire, backend):
        for _ in range(200):
            reply = await once(backend)
            assert reply.stream is not None
            await reply.stream.aclose()
        await wire.none_open()
        assert wire.connections == 200


@sockets
async def test_a_cancelled_request_gives_its_connection_back():
    async with asyncio.timeout(5), reached(silent, max_connections=1) as (wire, backend):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(once(backend), 0.02)
        await wire.none_open()
        assert wire.connections == 3
