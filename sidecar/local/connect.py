"""Client configuration that works as it stands, for an endpoint's URL and a bearer if it wants one.

The forms are those of each client's own documentation; the README says which of them tests run.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

NAME: Final = "gladly"
"""What clients call the server."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a client connects to.

    `stdio` are the arguments with which `sidecar` serves the same endpoint over standard input:
    with them Claude Desktop starts it by itself, and needs no Node.
    """

    url: str
    bearer: str = ""
    stdio: tuple[str, ...] = ()


def instructions(target: Target, client: str = "") -> str:
    """How to connect one client, by its word in CLIENTS, or every known one."""
    chosen = [client] if client else list(CLIENTS)
    parts = [f"{TITLES[name]}\n{_indented(CLIENTS[name](target))}\n" for name in chosen]
    return "\n".join(parts)


def _claude_code(target: Target) -> str:
    return f"claude mcp add --transport http {NAME} {shlex.quote(target.url)}{_option(target)}"


def _claude_desktop(target: Target) -> str:
    server = _program(target) if target.stdio else _bridge(target)
    return _json({"mcpServers": {NAME: server}})


def _cursor(target: Target) -> str:
    return _json({"mcpServers": {NAME: {"url": target.url} | _headers(target)}})


def _vs_code(target: Target) -> str:
    return _json({"servers": {NAME: {"type": "http", "url": target.url} | _headers(target)}})


def _inspector(target: Target) -> str:
    program = "npx @modelcontextprotocol/inspector --cli"
    return (
        f"{program} {shlex.quote(target.url)} --transport http{_option(target)} --method tools/list"
    )


_PYTHON: Final = """\
import asyncio
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

async def main():
    async with httpx2.AsyncClient(headers=HEADERS, timeout=60) as http:
        async with Client(streamable_http_client("URL", http_client=http)) as client:
            print([tool.name for tool in (await client.list_tools()).tools])

asyncio.run(main())"""


def _python(target: Target) -> str:
    headers = _headers(target).get("headers", {})
    return _PYTHON.replace("HEADERS", repr(headers)).replace('"URL"', json.dumps(target.url))


def _program(target: Target) -> dict[str, Any]:
    """This very installation: clients start programs without anybody's PATH."""
    return {
        "command": str(Path(sys.executable).with_name("sidecar")),
        "args": list(target.stdio),
    }


def _bridge(target: Target) -> dict[str, Any]:
    """The header's value goes through the environment: blanks in arguments get lost on Windows."""
    arguments = ["-y", "mcp-remote", target.url]
    if not target.bearer:
        return {"command": "npx", "args": arguments}
    arguments += ["--header", "Authorization:${AUTH}"]
    return {"command": "npx", "args": arguments, "env": {"AUTH": f"Bearer {target.bearer}"}}


def _option(target: Target) -> str:
    header = shlex.quote(f"Authorization: Bearer {target.bearer}")
    return f" --header {header}" if target.bearer else ""


def _headers(target: Target) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {target.bearer}"}} if target.bearer else {}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())


CLIENTS: Final[Mapping[str, Callable[[Target], str]]] = {
    "claude-code": _claude_code,
    "claude-desktop": _claude_desktop,
    "cursor": _cursor,
    "vs-code": _vs_code,
    "inspector": _inspector,
    "python": _python,
}
"""The clients that are known, by the word that the command line takes."""

TITLES: Final[Mapping[str, str]] = {
    "claude-code": "Claude Code",
    "claude-desktop": "Claude Desktop (claude_desktop_config.json)",
    "cursor": "Cursor (.cursor/mcp.json)",
    "vs-code": "VS Code (.vscode/mcp.json)",
    "inspector": "MCP Inspector (needs Node)",
    "python": "Python SDK (pip install mcp)",
}
