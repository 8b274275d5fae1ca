"""A backend as hosting platforms offer them for Gladly, with their ways of answering.

Stateless, one JSON body for each POST, a URL that holds the credential, flat schemas with `limit`
and `next_cursor`, lists in an envelope inside a text block, and a vendor's error in one of three
framings: in a result, in an error of JSON-RPC, or as the HTTP answer itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "0123456789abcdef0123456789abcdef"
"""The credential in the URL; whoever has it has Gladly."""

Framing = Literal["result", "error", "http"]

CUSTOMER = {
    "id": "fpDL5a8GbDpnX0jfzVkd9A",
    "name": "Mara Lindqvist",
    "emails": [{"original": "mara.lindqvist@example.com"}],
}
_FLAT = {
    "type": "object",
    "properties": {
        "phoneNumber": {"type": "string"},
        "limit": {"type": "string"},
        "next_cursor": {"type": "string", "description": "Return it unchanged."},
    },
}


@dataclass
class Failure:
    """A vendor's error: its status, its body, its headers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def envelope(self) -> dict[str, Any]:
        """What the platform says of it, in any framing."""
        return {
            "statusCode": self.status,
            "error": "Error",
            "message": "",
            "truto_is_remote_error": True,
            "raw_response": self.body,
            "headers": self.headers,
        }


@dataclass
class Hosted:
    """The platform. While `failure` is set, every call fails with it, framed as `framing` says."""

    failure: Failure | None = None
    framing: Framing = "result"
    exposure: Literal["all", "discovery"] = "all"
    called: list[tuple[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        """The ASGI application, at `/mcp/<token>` alone."""
        return Starlette(routes=[Route(f"/mcp/{TOKEN}", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        method, request_id = body["method"], body.get("id")
        if request_id is None:
            return Response(status_code=202)
        if method == "initialize":
            version = body["params"]["protocolVersion"]
            info = {"name": "hosted", "version": "1"}
            hello = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
            return _result(request_id, hello)
        if method == "tools/list":
            return _result(request_id, {"tools": self._tools()})
        if method == "tools/call":
            return self._called(request_id, body["params"])
        unknown = {"code": -32601, "message": "Method not found"}
        return JSONResponse({"jsonrpc": "2.0", "id": request_id, "error": unknown})

    def _tools(self) -> list[dict[str, Any]]:
        names = ["list_all_gladly_customers", "delete_a_gladly_customer_by_id", "gladly_odd_method"]
        if self.exposure == "discovery":
            names = ["search_tools", "get_tool_schema", "call_tool"]
        return [{"name": n, "description": f"Does {n}.", "inputSchema": _FLAT} for n in names]

    def _called(self, request_id: Any, params: dict[str, Any]) -> Response:
        self.called.append((params["name"], params.get("arguments")))
        if self.failure is not None:
            return self._failed(request_id, self.failure)
        envelope = {
            "result": [CUSTOMER],
            "next_cursor": None,
            "prev_cursor": None,
            "result_count": 1,
            "is_partial_response": False,
        }
        return _result(request_id, {"content": [_text(envelope)]})

    def _failed(self, request_id: Any, failure: Failure) -> Response:
        envelope = failure.envelope()
        if self.framing == "result":
            return _result(request_id, {"content": [_text(envelope)], "isError": True})
        if self.framing == "error":
            error = {"code": -32000, "message": "The call failed.", "data": envelope}
            return JSONResponse({"jsonrpc": "2.0", "id": request_id, "error": error})
        return JSONResponse(envelope, failure.status, failure.headers)


def _text(value: Any) -> dict[str, str]:
    return {"type": "text", "text": orjson.dumps(value).decode()}


def _result(request_id: Any, value: dict[str, Any]) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": request_id, "result": value})
