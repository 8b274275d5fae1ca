"""The provisioning API over HTTP: who may, what is asked, and answers shaped as Truto's.

An administrator's token has an audience of its own, so that no agent's token opens anything here.
Browsers are refused by their Origin header: nothing here is for them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sidecar import edge
from sidecar.endpoint import head_of
from sidecar.errors import Inadmissible, Malformed, NotFound, Refusal
from sidecar.identity import Bearers
from sidecar.model import Caller, Endpoint, Head, JsonObject
from sidecar.pipeline import Floods
from sidecar.provisioning import events, requests
from sidecar.provisioning.gateway import Gateway, Who
from sidecar.provisioning.openapi import (
    DOCUMENT_PATH,
    LIST_PATH,
    ONE_PATH,
    READ,
    WRITE,
    document,
)
from sidecar.provisioning.records import Stored, moment

BODY_BYTES: Final = 64 * 1024

_HERE: Final = Endpoint("provisioning", None)
"""Stands for this API where tokens are verified; nobody can call it."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request of somebody who may make it."""

    request: Request
    head: Head
    who: Who
    account: str

    @property
    def endpoint_id(self) -> str:
        """The id in the path, or one that nothing has."""
        found = str(self.request.path_params["endpoint_id"])
        return found if _UUID.fullmatch(found) else ""


_Operation = Callable[[_Ask], Awaitable[Response]]
_Verbs = Mapping[str, tuple[str, _Operation]]


class Api:
    """The operations, by path and verb. `body_timeout` is in seconds."""

    def __init__(
        self, gateway: Gateway, bearers: Bearers, floods: Floods, body_timeout: float
    ) -> None:
        self._gateway = gateway
        self._bearers = bearers
        self._floods = floods
        self._timeout = body_timeout
        self._document = orjson.dumps(document(gateway.rules.tool_exposure))

    def application(self) -> Starlette:
        """Make the ASGI application."""
        many = {"GET": (READ, self._list), "POST": (WRITE, self._create)}
        one = {
            "GET": (READ, self._get),
            "PATCH": (WRITE, self._change),
            "DELETE": (WRITE, self._delete),
        }
        routes = [
            Route(LIST_PATH, _Resource(lambda request: self._answer(request, many))),
            Route(ONE_PATH, _Resource(lambda request: self._answer(request, one))),
            Route(DOCUMENT_PATH, _Resource(self._describe)),
        ]
        made = Starlette(routes=routes, exception_handlers={404: self._lost, 500: _broken})
        made.router.redirect_slashes = False
        return made

    async def _answer(self, request: Request, verbs: _Verbs) -> Response:
        """Admit, verify, then do it; the body is read by whoever needs it, after that."""
        head, caller = head_of(request.scope), None
        try:
            _admit(head, verbs)
            scope, operation = verbs[head.verb]
            caller = await self._bearers.verify(head, _HERE, (scope,))
            account = request.path_params["id"]
            if account not in self._gateway.rules.accounts:
                public = "No such integrated account. The gateway's settings say which there are."
                raise NotFound("no such account", public=public)
            return await operation(_Ask(request, head, Who(caller, head.client_ip), account))
        except Refusal as refusal:
            return await self._refused(head, refusal, caller)

    async def _refused(self, head: Head, refusal: Refusal, caller: Caller | None) -> Response:
        """Record a refusal, or count it when it comes again, and put it into words."""
        event = events.refused(head.verb, refusal, caller, head.client_ip)
        who = str(event.actor.get("subject", ""))
        try:
            await self._floods.count((head.client_ip, refusal.reason, str(refusal), who), event)
        except Refusal as down:
            refusal = down
        body = _envelope(refusal.status, refusal.public)
        return _answered(refusal.status, body, dict(refusal.headers))

    async def _lost(self, request: Request, _error: Exception) -> Response:
        head = head_of(request.scope)
        public = f"There is nothing here. {DOCUMENT_PATH} describes what there is."
        return await self._refused(head, NotFound("no such path", public=public), None)

    async def _describe(self, request: Request) -> Response:
        head = head_of(request.scope)
        if head.verb != "GET":
            return await self._refused(head, _wrong_verb("GET"), None)
        return Response(self._document, media_type="application/json")

    async def _list(self, ask: _Ask) -> Response:
        limit, after = requests.page(ask.request.query_params.multi_items())
        found, cursor = await self._gateway.page(ask.account, limit, after)
        result = [self._view(one) for one in found]
        return _answered(200, {"result": result, "next_cursor": cursor and str(cursor)})

    async def _create(self, ask: _Ask) -> Response:
        wanted = await self._wanted(ask)
        new, token = await self._gateway.create(ask.who, ask.account, wanted)
        url = f"{self._gateway.rules.public_url}/{token}"
        return _answered(201, self._view(new) | {"token": token, "url": url})

    async def _get(self, ask: _Ask) -> Response:
        return _answered(200, self._view(await self._gateway.find(ask.account, ask.endpoint_id)))

    async def _change(self, ask: _Ask) -> Response:
        await self._gateway.find(ask.account, ask.endpoint_id)
        wanted = await self._wanted(ask)
        changed = await self._gateway.change(ask.who, ask.account, ask.endpoint_id, wanted)
        return _answered(200, self._view(changed))

    async def _delete(self, ask: _Ask) -> Response:
        await self._gateway.delete(ask.who, ask.account, ask.endpoint_id)
        return _answered(204)

    async def _wanted(self, ask: _Ask) -> requests.Wanted:
        edge.check_body_headers(ask.head, BODY_BYTES)
        try:
            async with asyncio.timeout(self._timeout):
                body = await _body(ask.request)
        except (TimeoutError, ClientDisconnect):
            public = "The body came too slowly or broke off. Send it at once."
            raise Inadmissible(
                "slow body", reason="body_timeout", status=408, public=public
            ) from None
        return requests.wanted(body, self._gateway.rules.tool_exposure, self._gateway.clock())

    def _view(self, one: Stored) -> JsonObject:
        """An endpoint as everybody may read it who may read endpoints: without its token."""
        endpoint = one.endpoint
        return {
            "id": endpoint.id,
            "name": endpoint.name,
            "config": {
                "methods": endpoint.methods,
                "tags": endpoint.tags,
                "tool_exposure": self._gateway.rules.tool_exposure,
                "require_api_token_auth": endpoint.require_api_token_auth,
            },
            "integrated_account_id": one.account,
            "created_by": one.created_by,
            "expires_at": moment(endpoint.expires_at) if endpoint.expires_at else None,
            "created_at": one.created_at,
            "updated_at": one.updated_at,
        }


@dataclass(frozen=True, slots=True)
class _Resource:
    """One path with every verb: which of them it answers is said by whoever answers."""

    answer: Callable[[Request], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)


def _admit(head: Head, verbs: _Verbs) -> None:
    if head.values("origin"):
        public = "This API is not for browsers. Send no Origin header."
        raise Inadmissible("origin", reason="origin", public=public)
    try:
        edge.check_single(head)
    except Malformed as error:
        error.public = "A header that must stand once stands twice. Send it once."
        raise
    if head.verb not in verbs:
        raise _wrong_verb(", ".join(verbs))


def _wrong_verb(allowed: str) -> Inadmissible:
    return Inadmissible(
        "verb",
        reason="verb",
        status=405,
        headers=(("allow", allowed),),
        public=f"This path answers {allowed} only.",
    )


async def _broken(_request: Request, _error: Exception) -> Response:
    """The answer where our own code failed, in the shape of the others; uvicorn logs how."""
    return _answered(500, _envelope(500, "This gateway failed. Its log says more."))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise edge.too_large(BODY_BYTES)
    return bytes(body)


def _envelope(status: int, message: str) -> JsonObject:
    return {"statusCode": status, "error": HTTPStatus(status).phrase, "message": message}


def _answered(
    status: int, body: JsonObject | None = None, headers: Mapping[str, Any] | None = None
) -> Response:
    """An answer that no cache keeps."""
    named = {"cache-control": "no-store", **(headers or {})}
    if body is None:
        return Response(status_code=status, headers=named)
    return Response(orjson.dumps(body), status, named, "application/json")
