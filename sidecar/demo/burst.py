"""More calls than Gladly allows: its own answer arrives untouched."""

from __future__ import annotations

from typing import Final

import httpx2

from sidecar.demo import stage
from sidecar.demo.agent import PACE
from sidecar.demo.cast import Cast
from sidecar.demo.world import EMAIL

BURST: Final = 16
"""Calls in a row; Gladly allows ten a second."""


async def burst(cast: Cast) -> bool:
    """Call until Gladly says that it is too much."""
    call = {
        "jsonrpc": "2.0",
        "method": "tools/call",
        "params": {"name": "list_all_gladly_inboxes", "arguments": {}},
    }
    async with httpx2.AsyncClient(trust_env=False) as http:
        headers = {
            "authorization": f"Bearer {cast.bearer}",
            "accept": "application/json, text/event-stream",
        }
        url = cast.world.url("read-only")
        session = await _handshake(http, url, headers)
        calls = [call | {"id": number} for number in range(1, BURST + 1)]
        replies = [await http.post(url, json=one, headers=session) for one in calls]
        answers = [r for r in replies if r.status_code == httpx2.codes.OK and "result" in r.json()]
        limited = [r for r in replies if r.status_code == httpx2.codes.TOO_MANY_REQUESTS]
        origin = await http.get(
            f"{cast.world.simulator_url}/api/v1/inboxes", auth=(EMAIL, cast.world.gladly_token)
        )
    stage.detail("agent saw", f"{len(answers)} answers, then {len(limited)} times HTTP 429")
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
