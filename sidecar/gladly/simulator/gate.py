"""What is around every request: written down, counted, made to fail if so ordered, let in."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidecar.gladly.simulator.answers import PREFIX, nothing
from sidecar.gladly.simulator.faults import Faults
from sidecar.gladly.simulator.ids import fraction
from sidecar.gladly.simulator.quota import Quotas, Taken
from sidecar.gladly.simulator.world import World

CONTROL = "/simulator"
"""Where the simulator is steered; no part of Gladly, so neither counted nor written down."""

THROTTLED = b'{"message":"API rate limit exceeded"}'
"""Gladly documents no 429 body; this is the default of the gateway whose headers it uses."""

Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms requests are answered.

    Attributes:
        credential: E-mail and API token that HTTP Basic must present.
        has_retry_after: Whether a 429 says when to ask again, which Gladly does not document.
        latency: Seconds that every answer takes.
        jitter: Seconds more, at most; how many comes from the world's seed.
        pause: Replaceable, so that tests wait for nothing.
    """

    credential: tuple[str, str]
    has_retry_after: bool
    latency: float
    jitter: float
    pause: Pause

    def is_met(self, scope: Scope) -> bool:
        """Whether the request has the credential."""
        pair = base64.b64encode(":".join(self.credential).encode())
        sent = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(sent, b"Basic " + pair)


class Gate:
    """Around every request, as ASGI middleware."""

    def __init__(
        self, app: ASGIApp, *, world: World, terms: Terms, quotas: Quotas, faults: Faults
    ) -> None:
        self._app = app
        self._world = world
        self._terms = terms
        self._quotas = quotas
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith(f"{CONTROL}/"):
            app = self._app if self._terms.is_met(scope) else nothing(401)
            await app(scope, receive, send)
        else:
            await self._gladly(scope, receive, send)

    async def _gladly(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb, path = scope["method"], scope["path"]
        self._world.requests.append((verb, scope["raw_path"].decode("ascii")))
        taken = self._quotas.take(verb)
        send = self._counting(send, taken)
        fault = self._faults.take(verb, path)
        await self._wait(fault.wait if fault else 0.0)
        answer = fault.answer() if fault else None
        send = fault.broken(send) if fault else send
        if answer is not None:
            await answer(scope, receive, send)
        elif taken.is_over:
            await self._throttled(taken)(scope, receive, send)
        elif not (self._terms.is_met(scope) or path.startswith(f"{PREFIX}/orgs/")):
            await nothing(401)(scope, receive, send)
        else:
            await self._admitted(scope, receive, send)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(f"{PREFIX}/reports"):
            await self._late(scope, receive, send)
            return
        with self._quotas.report() as taken:
            app = self._throttled(taken) if taken.is_over else self._late
            await app(scope, receive, send)

    async def _late(self, scope: Scope, receive: Receive, send: Send) -> None:
        share = fraction(self._world.seed, f"latency/{len(self._world.requests)}")
        await self._wait(self._terms.latency + self._terms.jitter * share)
        await self._app(scope, receive, send)

    async def _wait(self, seconds: float) -> None:
        if seconds:
            await self._terms.pause(seconds)

    def _throttled(self, taken: Taken) -> Response:
        retry = {"Retry-After": str(taken.retry_after)} if self._terms.has_retry_after else None
        return Response(THROTTLED, 429, retry, "application/json")

    def _counting(self, send: Send, taken: Taken) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Ratelimit-Limit-Second"] = str(self._quotas.rate)
                headers["Ratelimit-Remaining-Second"] = str(taken.left)
            await send(message)

        return counted
