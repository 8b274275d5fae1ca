"""More calls than Gladly allows: its own answer arrives untouched."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx2

from sidecar.demo import stage
from sidecar.demo.agent import PACE
from sidecar.demo.cast import Cast
from sidecar.demo.world import EMAIL

BURST: Final = 16
"""Calls at once; Gladly allows ten a second."""

_TRIES: Final = 5
"""Bursts until one of them is too much: a slow machine may spread them over more than a second."""


async def burst(cast: Cast) -> bool:
    """Call until Gladly says that it is too much."""
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        for _ in range(_TRIES):
            replies = await _called(cast, http)
            limited = [r for r in replies if r.status_code == httpx2.codes.TOO_MANY_REQUESTS]
            if limited:
                break
        origin = await _origin(cast, http)
    answers = [r for r in replies if r.status_code == httpx2.codes.OK and "result" in r.json()]
    stage.detail("agent saw", f"{len(answers)} answers, and {len(limited)} times HTTP 429")
    if limited:
        stage.detail("Gladly sent", f"HTTP {origin.status_code} {origin.text}")
        stage.detail("agent saw", f"HTTP 429 {limited[0].text}")
        rates = {k: v for k, v in limited[0].headers.items() if "rate" in k or "retry" in k}
        stage.detail("with headers", ", ".join(f"{k}: {v}" for k, v in rates.items()))
    await PACE.wait()
    is_same = bool(limited) and origin.content == limited[0].content
    return all(
        [
            stage.check(
                "every call was answered by Gladly, or by its 429",
                holds=len(answers) + len(limited) == BURST,
            ),
            stage.check(
                "Gladly's own 429 arrived untouched, with Retry-After",
                holds=is_same and "retry-after" in limited[0].headers,
            ),
        ]
    )


async def _called(cast: Cast, http: httpx2.AsyncClient) -> list[httpx2.Response]:
    """Sixteen calls at once, in one session of the handshake era."""
    url = cast.world.url("read-only")
    headers = {
        "authorization": f"Bearer {cast.bearer}",
        "accept": "application/json, text/event-stream",
    }
    session = await _handshake(http, url, headers)
    params = {"name": "list_all_gladly_inboxes", "arguments": {}}
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        for number in range(1, BURST + 1)
    ]
    return await asyncio.gather(*(http.post(url, json=one, headers=session) for one in calls))


async def _origin(cast: Cast, http: httpx2.AsyncClient) -> httpx2.Response:
    """The 429 as Gladly itself gives it."""
    url = f"{cast.world.simulator_url}/api/v1/inboxes"
    for _ in range(_TRIES * BURST):
        answer = await http.get(url, auth=(EMAIL, cast.world.gladly_token))
        if answer.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            break
    return answer


async def _handshake(http: httpx2.AsyncClient, url: str, headers: dict[str, str]) -> dict[str, str]:
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "demo", "version": "1"},
    }
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    reply = await http.post(url, json=hello, headers=headers)
    session = {**headers, "mcp-session-id": reply.headers["mcp-session-id"]}
    await http.post(
        url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session
    )
    return session
