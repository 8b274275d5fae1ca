"""The official Python SDK as a server of both eras, in a process; as lenient as `server_tools.mjs`.

Its first line of output says where it listens; `GET /ran` tells which tools ran, for which case.
"""

from __future__ import annotations

import socket
import unicodedata
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    TextContent,
    Tool,
)
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

NAMES = (
    "list_all_gladly_tasks",
    "create_a_gladly_task",
    "delete_a_gladly_customer_by_id",
    "tool_of_no_catalog",
    "call_tool",
)
MAX_WRAPPERS = 3

ran: list[tuple[str, str]] = []


async def list_tools(_: Any, __: Any) -> ListToolsResult:
    return ListToolsResult(tools=[Tool(name=n, input_schema={"type": "object"}) for n in NAMES])


async def call_tool(_: Any, params: CallToolRequestParams) -> CallToolResult:
    name, given = _folded(params.name), params.arguments or {}
    for _wrapper in range(MAX_WRAPPERS):
        if name == "call_tool":
            name, given = _folded(str(given.get("tool_name"))), given.get("arguments") or {}
    if name not in NAMES or name == "call_tool":
        raise MCPError(INVALID_PARAMS, "no such tool")
    ran.append((name, str(given.get("case", ""))))
    return CallToolResult(content=[TextContent(text="done")])


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().replace("\0", "").strip()


async def told(_: Request) -> JSONResponse:
    return JSONResponse(ran)


def main() -> None:
    server: Server[Any] = Server("python", on_list_tools=list_tools, on_call_tool=call_tool)
    app = server.streamable_http_app(json_response=True, stateless_http=True, host="127.0.0.1")
    app.router.routes.insert(0, Route("/ran", told))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
