"""A gateway in process: the real provisioning API and store, beside a whole flow for callers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flow
import httpx2
import orjson
from flow import AUDIENCE, CATALOG, ISSUER, Flow
from starlette.applications import Starlette
from test_audit_event import VALIDATOR

from sidecar import identity
from sidecar.identity import DenyList
from sidecar.pipeline import Floods
from sidecar.provisioning.application import Api
from sidecar.provisioning.gateway import Gateway, Rules
from sidecar.provisioning.store import Store

ADMIN = "gateway-admin"
PUBLIC_URL = "https://mcp.example/mcp"
SCOPES = "endpoints:read endpoints:write"
ACCOUNTS = frozenset({"default", "sandbox"})
BASE = "/integrated-account/default/mcp"
TOOL = "list_all_gladly_tasks"


def admin(scope: str = SCOPES, **claims: Any) -> str:
    """An administrator's bearer token."""
    named = {"audience": ADMIN, "subject": "operator-1", "claims": {"scope": scope}} | claims
    return flow.token(**named)


@dataclass
class Desk:
    """What an administrator has: HTTP to the API. `flow` is what callers have."""

    flow: Flow
    store: Store
    gateway: Gateway
    application: Starlette
    http: httpx2.AsyncClient
    clock: list[datetime]
    denied: list[DenyList] = field(default_factory=lambda: [identity.NOTHING_DENIED])

    async def ask(
        self,
        verb: str,
        path: str = "",
        body: Any = None,
        *,
        bearer: str | None = "",
        **headers: str,
    ) -> httpx2.Response:
        """One request below the default account, or of a whole path."""
        sent = {} if bearer is None else {"authorization": f"Bearer {bearer or admin()}"}
        content = None
        if body is not None:
            sent["content-type"] = "application/json"
            content = body if isinstance(body, bytes) else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("/") else f"{BASE}/{path}".rstrip("/")
        return await self.http.request(verb, url, content=content, headers=sent | named)

    async def make(self, **body: Any) -> dict[str, Any]:
        """An endpoint that is made without trouble: the answer."""
        answer = await self.ask("POST", body={"config": {"methods": ["read"]}} | body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def call(self, token: str, name: str = TOOL, *, bearer: str | None = "") -> int:
        """What a caller gets at an endpoint: HTTP's status, or the JSON-RPC error code."""
        self.flow.tokens["made"] = token
        self.flow.backend.reply = flow.tool_result([])
        asked = flow.call(name, customer_id="x")
        answer = await self.flow.ask(asked, endpoint="made", bearer=bearer)
        body = answer.json() if answer.content else {}
        return (
            int(body.get("error", {}).get("code", 200))
            if answer.is_success
            else (answer.status_code)
        )

    def later(self, **delta: float) -> None:
        """Put the gateway's clock forward."""
        self.clock[0] += timedelta(**delta)

    def events(self, what: str = "") -> list[dict[str, Any]]:
        """The admin events, each held against the published schema."""
        found = self.flow.events("admin")
        for one in found:
            VALIDATOR.validate(one)
        return [one for one in found if what in {"", one["data"]["what"]}]


@asynccontextmanager
async def desk(folder: Path, *, body_timeout: float = 5.0) -> AsyncIterator[Desk]:
    """A gateway whose store is in `folder`, open until the end."""
    async with flow.flow(folder) as f:
        with contextlib.closing(Store(folder / "endpoints.db")) as store:
            made = opened(f, store, body_timeout)
            async with made.http:
                yield made


def opened(
    f: Flow, store: Store, body_timeout: float = 5.0, accounts: frozenset[str] = ACCOUNTS
) -> Desk:
    """The API above a store and a flow."""
    clock = [datetime.now(UTC)]
    denied = [identity.NOTHING_DENIED]
    rules = Rules(accounts, PUBLIC_URL, "all")
    tools = [row.tool for row in CATALOG.rows]
    gateway = Gateway(store, f.directory, tools, f.writer, rules, lambda: clock[0])
    keys = identity.SecretKey(f.log.parent.parent / "secret")
    issuer = identity.Issuer(ISSUER, keys, ("HS256",))
    agents = identity.Bearers(identity.Bearer(AUDIENCE, (issuer,)), denied=lambda: denied[-1])
    api = Api(gateway, agents.meant_for(ADMIN), Floods(f.writer), body_timeout)
    application = api.application()
    transport = httpx2.ASGITransport(application)
    http = httpx2.AsyncClient(transport=transport, base_url="http://gateway")
    return Desk(f, store, gateway, application, http, clock, denied)
