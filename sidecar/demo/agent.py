"""An AI agent's side: the official MCP client over real HTTP, in either era."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

_PER_SECOND: Final = 6
"""Calls a second of one conversation; Gladly allows ten, and the demo calls on two roads."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought: a value, or the text of an error that the model reads."""

    value: Any
    error: str = ""


class Pace:
    """Keeps a conversation under Gladly's limit, as a well-behaved client does."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque(maxlen=_PER_SECOND)

    async def wait(self) -> None:
        """Wait until one more call is within the limit."""
        if len(self._calls) == _PER_SECOND:
            await asyncio.sleep(max(0.0, self._calls[0] + 1.1 - time.monotonic()))
        self._calls.append(time.monotonic())


PACE = Pace()


class Agent:
    """One connected client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def revision(self) -> str:
        """The MCP revision that was agreed on."""
        return self._client.protocol_version

    async def tools(self) -> list[str]:
        """The names in the tool list, in order."""
        return [tool.name for tool in (await self._client.list_tools()).tools]

    async def call(self, name: str, **arguments: Any) -> Answer:
        """Call a tool; an error in the result or of the protocol is an answer too."""
        await PACE.wait()
        try:
            result = await self._client.call_tool(name, arguments)
        except MCPError as error:
            return Answer(None, f"{error.message} (MCP error {error.code})")
        if result.is_error:
            return Answer(None, "\n".join(b.text for b in result.content if b.type == "text"))
        return Answer(result.structured_content)


@asynccontextmanager
async def connected(url: str, bearer: str, *, mode: str = "auto") -> AsyncIterator[Agent]:
    """Connect the official client. `mode` is `auto` (newest revision) or `legacy` (handshake)."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield Agent(client)
