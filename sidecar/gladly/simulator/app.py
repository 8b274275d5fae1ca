"""The simulator as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sidecar.gladly.simulator import control
from sidecar.gladly.simulator.answers import PREFIX, listed
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.faults import Faults
from sidecar.gladly.simulator.gate import Gate, Pause, Terms
from sidecar.gladly.simulator.quota import Clock, Quotas
from sidecar.gladly.simulator.routes import ENDPOINTS, Endpoint
from sidecar.gladly.simulator.world import World


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def simulator(
    state: World | None = None,
    credential: tuple[str, str] = ("api@sample-store.example", "sample-token"),
    *,
    rate: int = 10,
    reports_per_minute: int = 10,
    has_retry_after: bool = True,
    latency: float = 0.0,
    jitter: float = 0.0,
    faults: Faults | None = None,
    clock: Clock = utc_now,
    pause: Pause = asyncio.sleep,
) -> Starlette:
    """Gladly's REST API over `state` (a freshly seeded world when None).

    Args:
        state: The records; keep a reference to look at them and at what was asked.
        credential: E-mail and API token that HTTP Basic must present.
        rate: Requests a second, for each HTTP method by itself.
        reports_per_minute: Reports a minute, besides.
        has_retry_after: Whether a 429 says when to ask again, which Gladly does not document.
        latency: Seconds that every answer takes.
        jitter: Seconds more, at most; how many comes from the world's seed.
        faults: What goes wrong; keep a reference to change it.
        clock: Replaceable, so that tests decide when a second has passed.
        pause: Waits for latency and faults; replaceable likewise.
    """
    world, going_wrong = state or World.seeded(), faults or Faults()
    quotas = Quotas(rate, reports_per_minute, clock)
    terms = Terms(credential, has_retry_after, latency, jitter, pause)
    gate = Middleware(Gate, world=world, terms=terms, quotas=quotas, faults=going_wrong)
    routes = [
        Route(PREFIX + path, _endpoint(endpoint, world, clock), methods=[verb])
        for verb, path, endpoint in ENDPOINTS
    ]
    app = Starlette(
        routes=[*control.routes(world, quotas, going_wrong), *routes], middleware=[gate]
    )
    app.router.redirect_slashes = False
    return app


def _endpoint(
    endpoint: Endpoint, world: World, clock: Clock
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        try:
            body = orjson.loads(raw) if raw else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return listed(400, "content", "invalid", "content is not a JSON object")
        call = Call(
            world=world,
            ids=request.path_params,
            query=request.query_params,
            body=body,
            now=clock(),
            url=str(request.url),
        )
        return endpoint(call)

    return answer
