"""REST calls to Gladly: Basic auth, no redirects, no retry, and its three error shapes read.

Redirects are not followed because Gladly answers a POST for a merged customer with 301 and a
Location; HTTP libraries follow that with a GET, and the write would silently become a read.
Nothing is retried because the rate limit belongs to the caller: whoever asked backs off.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from sidecar.errors import ConfigError, Problem, SidecarError
from sidecar.model import JsonObject

TIMEOUT = 20.0
"""Seconds for each of connecting, sending and each read of an answer."""

SEE_OTHER = 303
"""How Gladly answers for an attachment: its address is in Location."""

_CERTIFICATE = "check the host, or name the authority that it has its certificate from (--ca-file)"
_MOST = 20
"""Errors that are read of one answer."""

BODY_CAP = 16 * 1024 * 1024
"""Bytes of one answer that are kept in memory; export files are the only large ones."""


class UnreachableError(SidecarError):
    """Gladly gave no whole answer. `is_sent` tells whether a write may have happened.

    The text is for a model, `remedy` for whoever runs the backend.
    """

    def __init__(self, message: str, *, is_sent: bool, remedy: str = "try again later") -> None:
        self.is_sent = is_sent
        self.remedy = remedy
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class GladlyError:
    """One error of Gladly's, whichever of the three shapes it came in.

    `code` is empty when the answer had no body, as most of Gladly's 404s have none. `detail`
    and `meta` are Gladly's words and may repeat what was asked for.
    """

    status: int
    code: str = ""
    detail: str = ""
    attr: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def moved_to(self) -> str:
        """The id a merged profile lives on under; empty for every other error.

        The code decides, never the status: Gladly documents 301, and others report 400.
        """
        return str(self.meta.get("new", "")) if self.code == "moved" else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Gladly sent, byte for byte. Header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header, by lower-case name."""
        return next((value for key, value in self.headers if key == name), default)

    @property
    def errors(self) -> tuple[GladlyError, ...]:
        """The errors in it, at least one; none for a 2xx or a redirect to a file."""
        is_good = 200 <= self.status < 300 or self.status == SEE_OTHER  # noqa: PLR2004 - RFC 9110 15.3
        return () if is_good else errors(self.status, self.body)


def errors(status: int, body: bytes) -> tuple[GladlyError, ...]:
    """Read an error body: `{"errors": [{}]}`, `{"errors": {}}`, `[{}]`, or nothing at all.

    Never raises; a body of any other form leaves one error that has only the status.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return (GladlyError(status),)
    if isinstance(value, dict):
        value = value.get("errors")
    several = value if isinstance(value, list) else [value]
    found = tuple(_from(status, one) for one in several[:_MOST] if isinstance(one, dict))
    return found or (GladlyError(status),)


def _from(status: int, one: JsonObject) -> GladlyError:
    text = {name: one[name] for name in ("code", "detail", "attr") if _is_text(one.get(name))}
    meta = one.get("meta")
    return GladlyError(status, meta=meta if isinstance(meta, dict) else {}, **text)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


class _Basic(httpx2.Auth):
    """HTTP Basic (RFC 7617) whose token is read again for each request, so that it can rotate."""

    def __init__(self, email: str, token_file: Path) -> None:
        self._email = email
        self._file = token_file
        self.token = token_file.read_text(encoding="utf-8").strip()

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        """Add the Authorization header."""
        # Between two versions of a mounted secret there may be none to read: then keep the last.
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self.token = self._file.read_text(encoding="utf-8").strip() or self.token
        basic = httpx2.BasicAuth(self._email, self.token)
        yield from basic.auth_flow(request)


class Client:
    """Gladly's REST API under one base URL, such as `https://example.gladly.com`.

    `ca_file` names the authorities to trust instead of the system's.

    Raises:
        ConfigError: the token file or the file of authorities cannot be read or is empty.
    """

    def __init__(
        self,
        base_url: str,
        email: str,
        token_file: Path,
        *,
        ca_file: Path | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=base_url.rstrip("/") + "/api/v1",
            auth=_basic(email, token_file),
            follow_redirects=False,
            timeout=TIMEOUT,
            trust_env=False,
            verify=_authorities(ca_file),
            transport=transport,
            # Unencoded, so that what is passed through is what Gladly wrote.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def call(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        body: JsonObject | None = None,
    ) -> Answer:
        """Send one request below `/api/v1` and return whatever status comes back.

        Raises:
            UnreachableError: no connection, a timeout, a broken or an oversized answer.
        """
        request = self._http.build_request(verb, path, params=query, json=body)
        try:
            response = await self._http.send(request, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as failure:
            raise _unreachable(failure) from failure
        except httpx2.HTTPError as failure:
            raise UnreachableError("Gladly did not answer in time", is_sent=True) from failure
        try:
            content = await _read(response)
        except httpx2.HTTPError as failure:
            raise UnreachableError("Gladly broke off its answer", is_sent=True) from failure
        finally:
            await response.aclose()
        headers = tuple((k.lower(), v) for k, v in response.headers.multi_items())
        return Answer(response.status_code, headers, content)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _authorities(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as failure:
        problem = Problem(str(ca_file), "holds no authority that can be read", "name a PEM file")
        raise ConfigError([problem]) from failure


def _unreachable(failure: BaseException) -> UnreachableError:
    """Why there is no connection: what the network said lies somewhere in the chain of causes."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            what, remedy = "Gladly's certificate cannot be verified", _CERTIFICATE
            return UnreachableError(what, is_sent=False, remedy=remedy)
        if isinstance(cause, socket.gaierror):
            what, remedy = "Gladly's host is not known", "check the organisation's name"
            return UnreachableError(what, is_sent=False, remedy=remedy)
        cause = cause.__cause__ or cause.__context__
    what, remedy = "Gladly cannot be reached", "check the network and the organisation's name"
    return UnreachableError(what, is_sent=False, remedy=remedy)


def _basic(email: str, token_file: Path) -> _Basic:
    try:
        auth = _Basic(email, token_file)
    except OSError as failure:
        problem = Problem(
            str(token_file), "the Gladly API token cannot be read", str(failure.strerror)
        )
        raise ConfigError([problem]) from failure
    except UnicodeDecodeError:
        what = "the Gladly API token is not UTF-8 text"
        raise ConfigError([Problem(str(token_file), what, "name the file with it")]) from None
    if not auth.token:
        raise ConfigError([Problem(str(token_file), "the Gladly API token is empty")])
    return auth


async def _read(response: httpx2.Response) -> bytes:
    kept = bytearray()
    async for chunk in response.aiter_bytes():
        kept += chunk
        if len(kept) > BODY_CAP:
            raise UnreachableError("Gladly's answer is too large", is_sent=True)
    return bytes(kept)
