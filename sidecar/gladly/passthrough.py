"""The pure ASGI layer around the MCP server: who is answered, and Gladly's rate limits as they are.

MCP has no message for "too many requests", and an agent can only back off from what it sees. So a
429 leaves as the HTTP answer to the MCP request itself: Gladly's status, body bytes, Retry-After
and rate headers, and beside them the headers under the names that proxies commonly use. Any other
answer tells of the limits in its headers too, so that an agent can slow down in time. A tool
handler runs deep inside the SDK, in another task in the legacy era; it leaves Gladly's answer in a
list in the ASGI scope, and `send` uses it before anything of the SDK's answer has gone out.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidecar.gladly.client import Answer

TOO_MANY = 429
"""Gladly's word that its limit is reached (RFC 6585)."""

_KEY = "gladly.answers"
_NORMALISED = (
    ("ratelimit-limit", "ratelimit-limit-second"),
    ("ratelimit-remaining", "ratelimit-remaining-second"),
)


def answered(scope: Scope, answer: Answer) -> None:
    """Say what Gladly answered to the request with this scope."""
    held: list[Answer] = scope[_KEY]
    held.append(answer)


def rate_headers(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Gladly's own rate headers, and those of the two common forms made from them.

    `ratelimit-limit`, `-remaining` and `-reset` (draft-ietf-httpapi-ratelimit-headers-06), and
    `ratelimit` with `ratelimit-policy` (draft 11 of the same). Nothing is made from what Gladly did
    not send, with one exception: its limits are per second and name no reset, so the reset is what
    Retry-After says and otherwise one second.
    """
    sent = {k: v for k, v in answer.headers if k == "retry-after" or "ratelimit" in k}
    made = {name: sent[source] for name, source in _NORMALISED if source in sent}
    if made:
        made["ratelimit-reset"] = reset = sent.get("retry-after", "1")
        if made.keys() >= {"ratelimit-limit", "ratelimit-remaining"}:
            made["ratelimit-policy"] = f'"second";q={made["ratelimit-limit"]};w=1'
            made["ratelimit"] = f'"second";r={made["ratelimit-remaining"]};t={reset}'
    return tuple((made | sent).items())


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


class Passthrough:
    """Answers 401 without the shared secret and 404 after the end, and passes everything else.

    A 429 of Gladly's takes the place of the SDK's answer; any other leaves its rate headers.
    """

    def __init__(
        self,
        app: ASGIApp,
        bearer: str = "",
        expires_at: datetime | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._app = app
        self._authorization = f"Bearer {bearer}".encode() if bearer else b""
        self._expires_at = expires_at
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; the lifespan is the inner application's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._expires_at is not None and self._clock() >= self._expires_at:
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
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
        throttled = next((one for one in self._held if one.status == TOO_MANY), None)
        if throttled is None:
            headers = MutableHeaders(scope=message)
            headers.update(dict(rate_headers(self._held[-1])))
            await self._send(message)
            return
        self._is_swapped = True
        await _response(throttled)(self._scope, self._receive, self._send)


def _response(answer: Answer) -> Response:
    headers = dict(rate_headers(answer)) | {"content-type": answer.get("content-type")}
    return Response(answer.body, answer.status, headers)
