"""Gladly's REST API in memory, as documented: faults and contradictions included.

One pass through `_Gate` (record, count against the rate limit, ask for the credential), then a
Starlette route. The endpoints are pure functions from a `Call` to a response, in the modules
beside this one. Where Gladly's documentation is silent the docstring of the endpoint says so.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidecar.gladly import simulator_customers as customers
from sidecar.gladly import simulator_directory as directory
from sidecar.gladly import simulator_tasks as tasks
from sidecar.gladly.simulator_answers import listed, nothing
from sidecar.gladly.simulator_world import Call, World

Clock = Callable[[], datetime]
"""What time it is, with a zone: for due times, timestamps and the rate limit."""

PREFIX = "/api/v1"
THROTTLED = b'{"message":"API rate limit exceeded"}'
"""Gladly documents no 429 body; this is the default of the gateway whose headers it uses."""

_ENDPOINTS: tuple[tuple[str, str, Callable[[Call], Response]], ...] = (
    ("GET", "/customer-profiles", customers.find_customers),
    ("GET", "/customer-profiles/{customer}", customers.get_customer),
    ("PATCH", "/customer-profiles/{customer}", customers.update_customer),
    ("DELETE", "/customer-profiles/{customer}", customers.delete_customer),
    ("GET", "/customers/{customer}/conversations", customers.list_conversations),
    ("POST", "/customers/{customer}/conversation-items", customers.create_item),
    ("GET", "/conversations/{conversation}/items", customers.list_items),
    ("GET", "/conversation-items/{item}/voice-transcript", customers.get_transcript),
    ("GET", "/customers/{customer}/tasks", tasks.list_tasks),
    ("POST", "/customers/{customer}/tasks", tasks.create_task),
    ("GET", "/tasks/{task}", tasks.get_task),
    ("GET", "/tasks/{task}/comments", tasks.list_comments),
    ("POST", "/tasks/{task}/comments", tasks.create_comment),
    ("GET", "/organization", directory.get_organization),
    ("GET", "/agents", directory.list_agents),
    ("GET", "/agents/{agent}", directory.get_agent),
    ("GET", "/inboxes", directory.list_inboxes),
    ("GET", "/orgs/{org}/answers", directory.list_answers),
    ("GET", "/orgs/{org}/answers/{answer}", directory.get_answer),
    ("DELETE", "/export/jobs/{job}", directory.delete_job),
    ("GET", "/export/jobs/{job}/files/{file}", directory.get_file),
)


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def simulator(
    state: World | None = None,
    credential: tuple[str, str] = ("api@sample-store.example", "sample-token"),
    *,
    rate: int = 10,
    has_retry_after: bool = True,
    clock: Clock = utc_now,
) -> Starlette:
    """Gladly's REST API over `state` (a freshly seeded world when None).

    Args:
        state: The records; keep a reference to look at them and at what was asked.
        credential: E-mail and API token that HTTP Basic must present.
        rate: Requests a second, for each HTTP method by itself.
        has_retry_after: Whether a 429 says `Retry-After: 1`, which Gladly does not document.
        clock: Replaceable, so that tests decide when a second has passed.
    """
    world = state or World.seeded()
    routes = [
        Route(PREFIX + path, _endpoint(handler, world, clock), methods=[verb])
        for verb, path, handler in _ENDPOINTS
    ]
    buckets = _Buckets(rate, clock)
    gate = Middleware(
        _Gate, world=world, credential=credential, buckets=buckets, has_retry_after=has_retry_after
    )
    return Starlette(routes=routes, middleware=[gate])


def _endpoint(
    handler: Callable[[Call], Response], world: World, clock: Clock
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        try:
            body = json.loads(raw) if raw else {}
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
        return handler(call)

    return answer


class _Buckets:
    """One token bucket for each HTTP method: `rate` at once, refilled by `rate` a second."""

    def __init__(self, rate: int, clock: Clock) -> None:
        self.rate = rate
        self._clock = clock
        self._levels: dict[str, tuple[float, datetime]] = {}

    def take(self, verb: str) -> int | None:
        """How many whole requests are left after this one; None when this one is too many."""
        now = self._clock()
        level, then = self._levels.get(verb, (float(self.rate), now))
        level = min(float(self.rate), level + (now - then).total_seconds() * self.rate)
        is_over = level < 1
        self._levels[verb] = (level if is_over else level - 1, now)
        return None if is_over else int(level - 1)


class _Gate:
    """Around every request: write it down, count it, ask who it is; then the routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        world: World,
        credential: tuple[str, str],
        buckets: _Buckets,
        has_retry_after: bool,
    ) -> None:
        self._app = app
        self._world = world
        self._buckets = buckets
        self._has_retry_after = has_retry_after
        pair = base64.b64encode(":".join(credential).encode()).decode()
        self._authorization = f"Basic {pair}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        verb, path = scope["method"], scope["path"]
        self._world.requests.append((verb, scope["raw_path"].decode("ascii")))
        left = self._buckets.take(verb)
        app = self._throttled() if left is None else self._admitted(scope, path)
        await app(scope, receive, self._counting(send, left or 0))

    def _admitted(self, scope: Scope, path: str) -> ASGIApp:
        sent = dict(scope["headers"]).get(b"authorization", b"")
        is_known = hmac.compare_digest(sent, self._authorization)
        is_public = path.startswith(f"{PREFIX}/orgs/")
        return self._app if is_known or is_public else nothing(401)

    def _throttled(self) -> Response:
        headers = {"Retry-After": "1"} if self._has_retry_after else None
        return Response(THROTTLED, 429, headers, "application/json")

    def _counting(self, send: Send, left: int) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Ratelimit-Limit-Second"] = str(self._buckets.rate)
                headers["Ratelimit-Remaining-Second"] = str(left)
            await send(message)

        return counted
