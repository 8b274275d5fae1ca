"""Where an issuer publishes its key set, and one careful way to ask for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from sidecar.identity.addresses import allowed
from sidecar.settings import Rotating

LARGEST: Final = 262_144
"""Bytes of a key set."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Unpublished(Exception):
    """A key set could not be fetched; the text says why and holds nothing that was received."""


async def resolved(host: str, port: int) -> tuple[str, ...]:
    """Every address of a host, by the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Publisher:
    """One issuer's key set at one URL.

    `is_in_cluster` lets the host have private addresses. `token`, if there is one, is shown to it.
    The name is resolved once and its addresses checked; the connection then goes to a checked
    address while TLS still wants the name, so that no second answer of a name server counts.
    """

    url: str
    http: httpx2.AsyncClient
    is_in_cluster: bool = False
    token: Rotating[str] | None = None
    resolve: Resolve = resolved

    async def body(self) -> bytes:
        """The key set's bytes, from a plain 200 without a redirect or a compression.

        Raises:
            Unpublished: There is none, whatever the reason.
        """
        try:
            url = httpx2.URL(self.url)
            port = url.port or (443 if url.scheme == "https" else 80)
            addresses = await self.resolve(url.host, port)
            if not (checked := allowed(addresses, may_be_private=self.is_in_cluster)):
                raise Unpublished("its address is not allowed")
            return await self._from_any(url, checked)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise Unpublished(type(error).__name__) from None

    async def _from_any(self, url: httpx2.URL, addresses: Sequence[str]) -> bytes:
        """Ask the first address that accepts a connection."""
        for address in addresses[:-1]:
            try:
                return await self._from(url, address)
            except httpx2.ConnectError:
                continue
        return await self._from(url, addresses[-1])

    async def _from(self, url: httpx2.URL, address: str) -> bytes:
        headers = {
            "host": url.netloc.decode("ascii"),
            "accept": "application/jwk-set+json, application/json",
            "accept-encoding": "identity",
        }
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token.value}"
        extensions: dict[str, Any] = {"sni_hostname": url.host} if url.scheme == "https" else {}
        stream = self.http.stream(
            "GET",
            url.copy_with(host=address),
            headers=headers,
            extensions=extensions,
            follow_redirects=False,
        )
        async with stream as response:
            return await _plain(response)


async def _plain(response: httpx2.Response) -> bytes:
    encoding = response.headers.get("content-encoding", "identity")
    if response.status_code != httpx2.codes.OK or encoding != "identity":
        raise Unpublished(f"status {response.status_code}")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST:
            raise Unpublished("too large")
    return bytes(body)
