"""A visit to an endpoint as a client makes it, and what its outcome means."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from sidecar import edge, sse
from sidecar.errors import BackendFailed
from sidecar.local.asking import MOST, ask
from sidecar.local.finding import Finding

_MEANT: Final = {
    401: ("the endpoint wants a bearer token", "name a file with one: --bearer-file"),
    403: (
        "this Host or Origin is not served",
        "add the name in the URL to allowed_hosts, with its port",
    ),
    404: (
        "the endpoint is unknown, expired or revoked",
        "make a new one: sidecar endpoint new; the path is shown once",
    ),
    502: ("the backend cannot be reached or refuses us", "check backend.url and its credential"),
    503: ("the sidecar cannot decide or record", "see its log, and the space of audit.folder"),
    504: ("the backend is too slow", "see whether it runs, or raise backend.reply_timeout"),
}
_REFUSED: Final = (
    "the endpoint does not accept this bearer token",
    "make a new one: it has to be of bearer.issuer, for bearer.audience, and still valid",
)
_META: Final = {
    edge.META_VERSION: edge.MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "sidecar-doctor", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def visit(url: str, bearer: str) -> Finding:
    """List the tools of an endpoint, in the stateless era, else with a handshake."""
    headers = {"accept": "application/json, text/event-stream", "accept-encoding": "identity"}
    headers |= {"authorization": f"Bearer {bearer}"} if bearer else {}
    where = urlsplit(url).netloc
    try:
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
            answer = await _listed(http, url)
    except (httpx2.HTTPError, UnicodeEncodeError) as error:
        what = f"{where} cannot be reached ({type(error).__name__})"
        return Finding("problem", what, "check the URL, and that the sidecar runs")
    if answer.status_code == httpx2.codes.UNAUTHORIZED and bearer:
        return Finding("problem", *_REFUSED)
    if answer.status_code in _MEANT:
        return Finding("problem", *_MEANT[answer.status_code])
    try:
        tools = len(_said(answer)["result"]["tools"])
    except (ValueError, KeyError, TypeError, RecursionError, BackendFailed):
        what = f"{where} does not list tools (HTTP {answer.status_code})"
        return Finding("problem", what, "check that the URL is a sidecar's")
    if not tools:
        remedy = (
            "its methods and tags leave nothing, or the policy denies all: sidecar audit report"
        )
        return Finding("warning", "the endpoint works, and shows no tool to this caller", remedy)
    return Finding("ok", f"the endpoint works, and shows this caller {tools} tools")


async def _listed(http: httpx2.AsyncClient, url: str) -> httpx2.Response:
    params = {"_meta": _META}
    mirrored = {"mcp-protocol-version": edge.MODERN, "mcp-method": "tools/list"}
    answer = await ask(http, "POST", url, json=_ask("tools/list", params), headers=mirrored)
    if answer.status_code != httpx2.codes.BAD_REQUEST:
        return answer
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "sidecar-doctor", "version": "1"},
    }
    answer = await ask(http, "POST", url, json=_ask("initialize", hello))
    session = {"mcp-protocol-version": "2025-11-25"}
    if answer.headers.get("mcp-session-id"):
        session["mcp-session-id"] = answer.headers["mcp-session-id"]
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    await ask(http, "POST", url, json=ready, headers=session)
    answer = await ask(http, "POST", url, json=_ask("tools/list", {}), headers=session)
    if "mcp-session-id" in session:
        await ask(http, "DELETE", url, headers=session)
    return answer


def _said(answer: httpx2.Response) -> Any:
    """The message in a reply, whole or as the last event of a stream."""
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        return answer.json()
    events = [e.data for e in sse.Parser(MOST).feed(answer.content + b"\n\n") if e.data]
    return json.loads(events[-1]) if events else None


def _ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
