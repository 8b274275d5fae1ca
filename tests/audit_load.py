"""Calls under load through a real sidecar, before a backend that keeps a list of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flow
import httpx2
import world
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

READ = "list_all_gladly_tasks"


@dataclass
class Backend:
    """Keeps the id that each call bore when it arrived: that of its intent."""

    arrived: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/mcp", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        asked = await request.json()
        if asked["method"] != "tools/call":
            reply = flow.tool_list(READ)
        else:
            self.arrived.append(request.headers["x-request-id"])
            reply = flow.tool_result({"result": []}, asked["id"])
        return Response(reply.body, media_type="application/json")


async def called(http: httpx2.AsyncClient, url: str, number: int = 1) -> httpx2.Response:
    return await http.post(url, json=flow.call(READ, number, customer_id="x"))


@asynccontextmanager
async def load(sidecar: world.Behind, callers: int) -> AsyncIterator[list[Any]]:
    """So many callers who call again and again; gives what was answered so far."""
    answers: list[Any] = []
    url = sidecar.url("triage")

    async def one(http: httpx2.AsyncClient) -> None:
        with suppress(httpx2.HTTPError):  # the sidecar is killed under them
            while True:
                answers.append((await called(http, url)).status_code)

    async with world.caller(sidecar.bearer("agent")) as http:
        tasks = [asyncio.create_task(one(http)) for _ in range(callers)]
        try:
            yield answers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def admin(sidecar: world.Behind) -> str:
    settings = yaml.safe_load((Path(sidecar.folder) / "sidecar.yaml").read_text())
    return f"http://127.0.0.1:{settings['admin']['port']}"
