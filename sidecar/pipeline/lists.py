"""Lists of tools on their way to a caller: decided with one query, filtered, kept private.

`tools/list` and the searches of discovery exposure are lists of tools under different wrappings;
what is shown in either is decided by the same rules as a call.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import orjson

from sidecar import edge
from sidecar.catalog import Reviewed, Tools
from sidecar.errors import BackendFailed
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Tool
from sidecar.pipeline.target import CALL, LISTERS
from sidecar.policy import Facts, Policy

MAX_TTL_MS: Final = 60_000
"""Longest time a client may keep a filtered list, in milliseconds."""

_WRAPPERS: Final = LISTERS | {CALL}


class Lists:
    """Filters lists for the caller of an exchange."""

    def __init__(
        self, tools: Tools, policy: Policy, clock: Callable[[], datetime], *, is_discovery: bool
    ) -> None:
        self._tools = tools
        self._policy = policy
        self._clock = clock
        self._is_discovery = is_discovery

    async def filtered(self, exchange: Exchange, result: JsonObject) -> JsonObject:
        """The result of a `tools/list`, holding only what this caller may know of.

        Raises:
            BackendFailed: it is no list of named tools.
            OrganDown: nothing could be decided.
        """
        shown = await self._shown(exchange, result.get("tools"))
        return {**result, "tools": shown}

    async def discovered(self, exchange: Exchange, result: JsonObject) -> JsonObject:
        """The result of a discovery tool, its list filtered in both places where it may stand.

        Raises:
            BackendFailed: no list of named tools is found where one is expected.
        """
        blocks = result.get("content")
        if not isinstance(blocks, list):
            raise _unreadable()
        content = [await self._block(exchange, block) for block in blocks]
        filtered: JsonObject = {**result, "content": content}
        if result.get("structuredContent") is not None:
            filtered["structuredContent"] = await self._inside(
                exchange, result["structuredContent"]
            )
        return filtered

    async def _block(self, exchange: Exchange, block: Any) -> JsonObject:
        text = block.get("text") if isinstance(block, dict) else None
        if not isinstance(text, str) or block.get("type") != "text":
            raise _unreadable()
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _unreadable() from None
        return {**block, "text": orjson.dumps(await self._inside(exchange, value)).decode()}

    async def _inside(self, exchange: Exchange, value: Any) -> Any:
        if isinstance(value, list):
            return await self._shown(exchange, value)
        lists = [key for key in ("tools", "result") if isinstance(value, dict) and key in value]
        if len(lists) != 1:
            raise _unreadable()
        kept = {k: v for k, v in value.items() if isinstance(v, int | float | bool | None)}
        return {**kept, lists[0]: await self._shown(exchange, value[lists[0]])}

    async def _shown(self, exchange: Exchange, entries: Any) -> list[JsonObject]:
        if not isinstance(entries, list) or exchange.caller is None:
            raise BackendFailed("a list without tools", reason="backend_malformed")
        tools = [self._tool(entry, exchange.account) for entry in entries]
        facts = Facts(
            tools=_once(tools),
            caller=exchange.caller,
            method="tools/list",
            protocol=exchange.protocol,
            now=self._clock(),
        )
        decision = await self._policy.decide(facts)
        tally, shown = exchange.tally, []
        tally.listed_by = decision.policy_sha256
        tally.shadow = decision.shadow
        for entry, tool in zip(entries, tools, strict=True):
            is_wrapper = self._is_discovery and tool.name in _WRAPPERS
            if is_wrapper or not decision.of(tool.name).is_hidden:
                shown.append(entry)
            else:
                tally.hidden.append(tool.name)
        return shown

    def _tool(self, entry: Any, account: str) -> Tool:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise BackendFailed("a tool without a name", reason="backend_malformed")
        if isinstance(self._tools, Reviewed) and not self._is_discovery:
            return self._tools.judge(entry)
        return self._tools.find(entry["name"], account)


def private(result: JsonObject, exchange: Exchange) -> JsonObject:
    """A list belongs to this caller alone, and not for long (MCP 2026-07-28, caching)."""
    is_modern = exchange.message is not None and edge.is_modern(exchange.message)
    if not is_modern and "cacheScope" not in result:
        return result
    given: Any = result.get("ttlMs")
    ttl = min(given, MAX_TTL_MS) if type(given) is int and given >= 0 else 0
    return {**result, "cacheScope": "private", "ttlMs": ttl}


def _once(tools: list[Tool]) -> tuple[Tool, ...]:
    """Each name once; where one of several entries is not pinned, that one."""
    found: dict[str, Tool] = {}
    for tool in tools:
        if tool.name not in found or not tool.is_pinned:
            found[tool.name] = tool
    return tuple(found.values())


def _unreadable() -> BackendFailed:
    return BackendFailed("a list of tools in no known form", reason="discovery_unreadable")
