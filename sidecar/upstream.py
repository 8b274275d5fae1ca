"""Message to Reply: one pooled client towards the one backend, whose URL no caller can influence.

aiohttp carries the hot path because it was measured to cost a fifth of what httpx2 costs there and
because opa-python-client brings it along anyway. It never follows a redirect, keeps no cookies,
reads no proxy from the environment, asks for an uncompressed answer, and sends no header that is
not on the list below.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

import aiohttp

from sidecar.errors import BackendFailed, BackendTimedOut, ConfigError, Problem
from sidecar.model import Head, Reply
from sidecar.settings import Rotating

T = TypeVar("T")

_FORWARDED: Final = frozenset({"mcp-session-id", "mcp-protocol-version"})
_RETURNED: Final = frozenset({"content-type", "mcp-session-id", "retry-after", "allow"})
_ACCEPT: Final = "application/json, text/event-stream"
_ENCODING: Final = "content-encoding"
_SMALL: Final = 64 * 1024
"""Cap on a body that is passed through or looked at only to be refused, in bytes."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the backend is and how to reach it. Times are seconds, sizes bytes.

    What rotates is looked at anew for each request.
    """

    url: str | Rotating[str]
    authorization: str | Rotating[str] | None = None
    proxy: str | None = None
    connect_timeout: float = 5.0
    reply_timeout: float = 60.0
    idle_timeout: float = 300.0
    max_connections: int = 100
    reply_bytes: int = 16 * 1024 * 1024


def tls(ca_file: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """Make the TLS settings: verified, with an own CA and a client certificate if given.

    Raises:
        ConfigError: a file cannot be read, is no PEM, or the key is not the certificate's.
    """
    with _usable(ca_file, "the authorities cannot be used", "name a PEM file"):
        context = ssl.create_default_context(cafile=ca_file)
    if certificate:
        with _usable(certificate, "cannot be used with its key", "both are PEM, and one pair"):
            # Without a password given, an encrypted key would be asked for on the terminal.
            context.load_cert_chain(certificate, key, password="")
    return context


def rotating_tls(*files: Path | None) -> Rotating[ssl.SSLContext]:
    """TLS by authorities and, if any, certificate and key; made anew when one of them changes.

    Raises:
        ConfigError: a file has become unusable since the settings were read.
    """
    names = (*(str(file) if file else None for file in files), None, None)[:3]
    return Rotating(lambda *_: tls(*names), *filter(None, files))


@contextmanager
def _usable(file: str | None, what: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError):
        raise ConfigError([Problem(file or "TLS", what, remedy)]) from None


def outgoing(head: Head, mirrored: Iterable[tuple[str, str]], event_id: str = "") -> dict[str, str]:
    """The headers that go to the backend: few, named, and none that tells who somebody is.

    `mirrored` are the headers written anew from the judged body; they win over received ones.
    `event_id` is the exchange's in the audit log, so that a backend's log can be held against it;
    what is sent for no exchange has none, and a caller's own `x-request-id` never goes out.
    """
    headers = {
        name: value
        for name, value in head.headers
        if name in _FORWARDED
        or (name.startswith("mcp-param-") and head.verb == "POST")
        or (name == "last-event-id" and head.verb == "GET")
    }
    headers["accept"] = "text/event-stream" if head.verb == "GET" else _ACCEPT
    headers["accept-encoding"] = "identity"
    headers["user-agent"] = "gladly-mcp-sidecar"
    if head.verb == "POST":
        headers["content-type"] = "application/json"
    if event_id:
        headers["x-request-id"] = event_id
    headers.update(mirrored)
    return headers


class Backend:
    """The one client. Use as an async context manager: it opens and closes the pool.

    Raises (every method): BackendFailed when the backend cannot be reached, breaks off, redirects,
    compresses or exceeds a size (but see `forward` for a 429); BackendTimedOut when it is too slow.
    """

    def __init__(
        self, target: Target, context: ssl.SSLContext | Rotating[ssl.SSLContext] | None = None
    ) -> None:
        self._target = target
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        target = self._target
        connector = aiohttp.TCPConnector(limit=target.max_connections, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=target.connect_timeout, sock_read=target.idle_timeout
            ),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
        """Send one request and give the reply: whole, or as a stream of raw chunks for SSE.

        A stream must be read to its end or closed with `aclose`, which gives the connection back.
        A 429 keeps its bytes and their encoding (invariant 10); over the cap its body is cut there,
        and what is left of JSON or of a compressed text cannot be read to its end.
        """
        try:
            async with asyncio.timeout(self._target.reply_timeout):
                response = await self._send(verb, headers, body)
                return await self._receive(response)
        except (TimeoutError, aiohttp.ServerTimeoutError):
            raise BackendTimedOut("no reply in time") from None
        except (aiohttp.ClientError, ValueError) as error:
            # The client's own text may hold the URL, which may hold a token: only its kind is told.
            # It raises ValueError for a header that cannot be written, before anything is sent.
            raise BackendFailed(f"{type(error).__name__} towards the backend") from None

    async def _send(
        self, verb: str, headers: dict[str, str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise BackendFailed("the upstream client is not open")
        target = self._target
        authorization = _now(target.authorization)
        if authorization:
            headers = {**headers, "Authorization": authorization}
        return await self._session.request(
            verb,
            _now(target.url),
            data=body,
            headers=headers,
            allow_redirects=False,
            proxy=target.proxy,
            # By request: connections that were opened with another context are not used again.
            ssl=_now(self._context) or True,
        )

    async def _receive(self, response: aiohttp.ClientResponse) -> Reply:
        is_limited = response.status == 429  # noqa: PLR2004 - RFC 6585
        # Latin-1 there and back keeps every byte; the client's own reading of a header does not.
        pairs = ((name.decode("latin-1").lower(), value) for name, value in response.raw_headers)
        headers = tuple(
            (name, value.decode("latin-1"))
            for name, value in pairs
            if name in _RETURNED or is_rate_header(name) or (is_limited and name == _ENCODING)
        )
        try:
            _check(response)
            if response.status == 200 and response.content_type == "text/event-stream":  # noqa: PLR2004
                stream = self._chunks(response)
                # A generator runs its `finally` only once it was started.
                await anext(stream)
                return Reply(response.status, headers, stream=stream)
            cap = self._target.reply_bytes if response.status < 300 else _SMALL  # noqa: PLR2004
            body = await _read(response, cap, is_cut=is_limited)
        except BaseException:
            response.close()
            raise
        response.release()
        return Reply(response.status, headers, body)

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        try:
            yield b""
            async for chunk in response.content.iter_any():
                yield chunk
        except (TimeoutError, aiohttp.ServerTimeoutError):
            raise BackendTimedOut("the stream fell silent", reason="stream_idle") from None
        except aiohttp.ClientError as error:
            raise BackendFailed(f"{type(error).__name__} in the stream") from None
        finally:
            response.close()


def _now(given: T | Rotating[T]) -> T:
    return given.value if isinstance(given, Rotating) else given


def is_rate_header(name: str) -> bool:
    """Whether a reply header tells of limits; these always travel on (invariant 10)."""
    name = name.lower()
    return name.startswith(("ratelimit", "x-ratelimit"))


def _check(response: aiohttp.ClientResponse) -> None:
    if 300 <= response.status < 400:  # noqa: PLR2004 - redirects are never followed
        raise BackendFailed("the backend redirects", reason="backend_redirects")
    encoding = response.headers.get(_ENCODING, "identity").lower()
    if encoding != "identity" and response.status != 429:  # noqa: PLR2004 - passed on unread
        raise BackendFailed("the reply is compressed", reason="backend_compressed")


async def _read(response: aiohttp.ClientResponse, cap: int, *, is_cut: bool) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        chunks.append(chunk)
        if size > cap:
            if is_cut:
                break
            raise BackendFailed(f"the reply exceeds {cap} bytes", reason="reply_too_large")
    return b"".join(chunks)[:cap]
