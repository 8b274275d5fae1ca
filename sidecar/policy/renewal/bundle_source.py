"""A site's rules from a server: one archive, asked for again and again by its ETag.

One server feeds thousands of sidecars: what has not changed costs it a 304, and they do not ask at
the same moment. What cannot be had or used changes nothing; the last good one stays.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from sidecar.errors import ConfigError, Problem
from sidecar.policy import archive
from sidecar.policy.archive import Archive
from sidecar.policy.bundle import Bundle
from sidecar.policy.load import load
from sidecar.settings import Rotating

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0)
_NOT_MODIFIED: Final = 304
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Address:
    """Where an archive is. `sha256` is that of the one archive that may come, in hex; else any.

    Token and TLS are looked at anew for each request.
    """

    url: str
    token: Rotating[str] | None = None
    context: Rotating[ssl.SSLContext] | None = None
    sha256: str | None = None


class BundleSource:
    """The library with a site's archive from a server.

    Args:
        address: Where it is.
        library: The shipped policies; they do not change while serving.
        period: Seconds between two requests, a fifth more or less; asked earlier, it says nothing.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        address: Address,
        library: Path,
        period: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._library = library
        self._period = period
        self._clock = clock
        self._next = float("-inf")
        self._etag = ""
        self._last: Bundle | None = None
        self._told: tuple[Problem, ...] = ()

    async def changed(self) -> Bundle | None:
        """The policy that the server has now, checked as a folder is; None: as when last asked.

        Raises:
            ConfigError: it cannot be had or used. Told once for each reason, and tried again.
        """
        if self._clock() < self._next:
            return None
        self._next = self._clock() + self._period * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
        try:
            bundle = await self._newer()
        except ConfigError as error:
            if error.problems == self._told:
                return None
            self._told = error.problems
            raise
        if bundle is not None:
            self._told = ()
        return bundle

    async def _newer(self) -> Bundle | None:
        """What has changed; the same again once there is no more trouble in having it."""
        found = await self._fetched()
        if found is None:
            return self._last if self._told else None
        raw, self._etag = found
        self._last = None  # what cannot be used is known by its ETag, too, and not sent again
        self._last = await asyncio.to_thread(self._loaded, raw)
        return self._last

    def _loaded(self, raw: bytes) -> Bundle:
        """Load in a thread of its own; whatever goes wrong there is one more problem."""
        try:
            return load(self._library, Archive(Path(archive.NAME), raw), is_timed=True)
        except ConfigError:
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the engine is one; nothing else reaches a thread
            raise self._problem(f"cannot be judged: {type(error).__name__}") from None

    async def _fetched(self) -> tuple[bytes, str] | None:
        """The archive and its ETag; None if it is still the one that was last taken up."""
        address = self._address
        headers = {"accept-encoding": "identity"}
        if address.token is not None:
            headers["authorization"] = f"Bearer {address.token.value}"
        if self._etag:
            headers["if-none-match"] = self._etag
        tls = True if address.context is None else address.context.value
        try:
            # A session for each: it is asked seldom, by clients that come and go.
            async with (
                aiohttp.ClientSession(
                    timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
                ) as http,
                http.get(address.url, headers=headers, allow_redirects=False, ssl=tls) as reply,
            ):
                if reply.status == _NOT_MODIFIED and self._etag:
                    return None
                if reply.status != _OK:
                    raise self._problem(f"the server answers {reply.status}, and no archive")
                raw = await self._body(reply)
                etag = reply.headers.get("etag", "")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._problem(f"cannot be had: {type(error).__name__}") from None
        if address.sha256 not in {None, hashlib.sha256(raw).hexdigest()}:
            raise self._problem("is not the archive that policy.bundle_sha256 names")
        return raw, etag

    async def _body(self, reply: aiohttp.ClientResponse) -> bytes:
        raw = bytearray()
        async for chunk in reply.content.iter_any():
            raw += chunk
            if len(raw) > archive.MAX_BYTES:
                raise self._problem(f"exceeds {archive.MAX_BYTES} bytes")
        return bytes(raw)

    def _problem(self, what: str) -> ConfigError:
        """A problem of the server's, told by scheme and host: its path or query may be secret."""
        parts = urlsplit(self._address.url)
        where = f"policy.bundle_url {parts.scheme}://{parts.netloc}/…"
        return ConfigError([Problem(where, what, "the last good policy stays where there is one")])
