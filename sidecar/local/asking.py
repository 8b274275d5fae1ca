"""One question over the network: answered within a time and a size, by whoever is there."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httpx2

SECONDS: Final = 10.0
"""Time for one whole answer; a limit for each read alone lets an answer drip for ever."""

MOST: Final = 16 * 1024 * 1024
"""Bytes of one answer, far more than a list of tools has."""


async def ask(http: httpx2.AsyncClient, verb: str, url: str, **options: Any) -> httpx2.Response:
    """Send one request and read its whole answer, as it came: what is compressed stays so.

    Raises:
        httpx2.HTTPError: nobody answers, too slowly, or too much.
    """
    try:
        async with asyncio.timeout(SECONDS), http.stream(verb, url, **options) as answer:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MOST:
                    raise httpx2.ReadError(f"more than {MOST} bytes")
    except TimeoutError:
        raise httpx2.ReadTimeout(f"no whole answer in {SECONDS:g} seconds") from None
    kept = ("content-type", "mcp-session-id")
    headers = {name: answer.headers[name] for name in kept if name in answer.headers}
    return httpx2.Response(answer.status_code, headers=headers, content=bytes(body))
