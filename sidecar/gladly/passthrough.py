"""The pure ASGI layer around the MCP server: the shared secret, and Gladly's 429 as it came.

MCP has no message for "too many requests", and an agent can only back off from what it sees. So a
429 leaves as the HTTP answer to the MCP request itself: Gladly's status, body bytes, Retry-After
and rate headers, and beside them the three headers under the names that proxies commonly use. A
tool handler runs deep inside the SDK, in another task in the legacy era; it leaves the answer in a
list in the ASGI scope, and `send` swaps it in before anything of the SDK's answer has gone out.
"""

from __future__ import annotations

import hmac
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidecar.gladly.client import Answer

_KEY = "gladly.throttled"
_NORMALISED = (
    ("ratelimit-limit", "ratelimit-limit-second"),
    ("ratelimit-remaining", "ratelimit-remaining-second"),
)


def throttled(scope: Scope, answer: Answer) -> None:
    """Say that the request with this scope is to be answered with Gladly's 429."""
    held: list[Answer] = scope[_KEY]
    held.append(answer)


def rate_headers(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Gladly's own rate headers, and `ratelimit-limit`, `-remaining`, `-reset` made from them.

    Nothing is made from what Gladly did not send, with one exception: its limits are per second
    and name no reset, so the reset is what Retry-After says and otherwise one second.
    """
    sent = {k: v for k, v in answer.headers if k == "retry-after" or "ratelimit" in k}
    made = {name: sent[source] for name, source in _NORMALISED if source in sent}
    if made:
        made["ratelimit-reset"] = sent.get("retry-after", "1")
    return tuple((made | sent).items())


class Passthrough:
    """Answers 401 without the shared secret, swaps a 429 in, and passes everything else."""

    def __init__(self, app: ASGIApp, bearer: str = "") -> None:
        self._app = app
        self._authorization = f"Bearer {bearer}".encode() if bearer else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; the lifespan is the inner application's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_admitted(scope):
            held: list[Answer] = []
            await self._app({**scope, _KEY: held}, receive, _Swap(held, scope, receive, send))
        else:
            refusal = PlainTextResponse("Unauthorized", 401, {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)

    def _is_admitted(self, scope: Scope) -> bool:
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if not self._authorization:
            return True
        return len(sent) == 1 and hmac.compare_digest(sent[0], self._authorization)


class _Swap:
    """A `send` that lets Gladly's 429 take the place of an answer that has not begun."""

    def __init__(self, held: list[Answer], *rest: Any) -> None:
        self._held = held
        self._scope, self._receive, self._send = rest
        self._is_swapped = False

    async def __call__(self, message: Message) -> None:
        """Pass the message on, or send the 429 once and drop the SDK's own answer."""
        if self._is_swapped:
            return
        if not self._held or message["type"] != "http.response.start":
            await self._send(message)
            return
        self._is_swapped = True
        await _response(self._held[0])(self._scope, self._receive, self._send)


def _response(answer: Answer) -> Response:
    headers = dict(rate_headers(answer)) | {"content-type": answer.get("content-type")}
    return Response(answer.body, answer.status, headers)
