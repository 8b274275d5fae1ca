"""The backend's log of requests: ids and methods, and nothing else that anybody sent."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from sidecar.errors import ConfigError
from sidecar.gladly.requests import RequestLog

pytestmark = pytest.mark.anyio
CANARY = "Mara-Lindqvist"


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await refusing(scope, receive, send)


async def refusing(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("app", [reading, refusing])
async def test_each_request_is_one_line_with_its_id_and_method_and_nothing_of_its_body(
    tmp_path: Path, app
):
    log = RequestLog(app, tmp_path / "log")
    call = {"method": "tools/call", "params": {"name": CANARY}}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(log), base_url="http://b") as http:
        await http.post("/mcp", json=call, headers={"x-request-id": "id-1"})
        await http.post("/mcp", json={"method": f"{CANARY} 1"}, headers={"x-request-id": "a b"})
        await http.post("/mcp", content=f"{CANARY}")
        await http.get(f"/{CANARY}")
    text = (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    named = "tools/call" if app is reading else "POST"
    told = [(line["x-request-id"], line["method"]) for line in lines]
    assert told == [("id-1", named), (None, "POST"), (None, "POST"), (None, "GET")]
    assert all(set(line) == {"time", "x-request-id", "method"} for line in lines)
    assert CANARY not in text
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path: Path):
    with pytest.raises(ConfigError, match="the log of requests cannot be written"):
        RequestLog(reading, tmp_path)
