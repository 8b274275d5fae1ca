"""The simulator's own requests, under `/simulator`: no part of Gladly.

    POST /simulator/reset     everything as it was at the start; 204
    GET  /simulator/faults    the faults that are still to come
    PUT  /simulator/faults    replace them by the JSON array in the body; 204, or 400 and why not

They need the credential of the API and count against no rate limit.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sidecar.gladly.simulator.answers import nothing
from sidecar.gladly.simulator.faults import Faults, read
from sidecar.gladly.simulator.gate import CONTROL
from sidecar.gladly.simulator.quota import Quotas
from sidecar.gladly.simulator.world import World


def routes(world: World, quotas: Quotas, faults: Faults) -> list[BaseRoute]:
    """The routes that steer this world, these quotas and these faults."""

    async def reset(_: Request) -> Response:
        world.reset()
        quotas.reset()
        faults.reset()
        return nothing(204)

    async def show(_: Request) -> Response:
        return JSONResponse(faults.waiting())

    async def replace(request: Request) -> Response:
        try:
            faults.set(*read(await request.body()))
        except ValueError as wrong:
            return PlainTextResponse(str(wrong), 400)
        return nothing(204)

    return [
        Route(f"{CONTROL}/reset", reset, methods=["POST"]),
        Route(f"{CONTROL}/faults", show, methods=["GET"]),
        Route(f"{CONTROL}/faults", replace, methods=["PUT"]),
    ]
