"""Whole exchanges in process: the real road and organs, HTTP through ASGI, one scripted backend.

Only the backend's socket is missing. What it was sent and what stands in the audit log is kept, so
that a test reads as the conversation: given a token, when this is asked, then the backend saw that,
the caller got this, and the log says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import jsonschema
import orjson

from sidecar import audit, catalog, edge, identity, policy
from sidecar.endpoint import Endpoint as AsgiEndpoint
from sidecar.metrics import Counts
from sidecar.model import Endpoint, Reply
from sidecar.pipeline import Backends, Durability, Organs, Road, Rules, Surveys, Watch
from sidecar.redaction import Redactor
from sidecar.settings import shipped

SECRET = "a-secret-of-at-least-32-bytes-for-tests"
KEY = "a-key-of-at-least-32-bytes-for-endpoints"
ISSUER = "https://issuer.example"
AUDIENCE = "sidecar"
CATALOG = catalog.load([shipped("tool_catalog")])
BUNDLE = policy.read([shipped("policies")])
JSON = (("content-type", "application/json"),)
SSE = (("content-type", "text/event-stream"),)

ENDPOINTS: dict[str, Any] = {
    "all": {"methods": ("read", "write", "custom")},
    "read": {"methods": ("read",)},
    "tasks": {"methods": ("read", "create"), "tags": ("tasks", "customers", "conversations")},
    "answers": {"methods": ("read",), "tags": ("public_answers",)},
    "expired": {"methods": ("read",), "expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
    "open": {"methods": ("read",), "require_api_token_auth": False},
    "emea": {"methods": ("read",), "account": "emea"},
    "apac": {"methods": ("read",), "account": "apac"},
}
_CHECKED = 50
"""Events of each end of a log that are held against the schema: floods and benchmarks make many."""

NO_ACCOUNTS: Mapping[str, Any] = MappingProxyType({})


def token(**claims: Any) -> str:
    """A good bearer token; claims may be added."""
    named: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "subject": "agent-1",
        "ttl_s": 300,
    } | claims
    return identity.issue(SECRET, **named)


def call(name: str, request_id: Any = 1, **arguments: Any) -> dict[str, Any]:
    """A `tools/call` request of the handshake era."""
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}


def ask(method: str, request_id: Any = 1, **params: Any) -> dict[str, Any]:
    """Any request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def modern(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The same request in the stateless era: body and the headers that mirror it."""
    meta = {edge.META_VERSION: edge.MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    params = {**body["params"], "_meta": meta}
    headers = {"mcp-protocol-version": edge.MODERN, "mcp-method": body["method"]}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    return {**body, "params": params}, headers


def result(value: Any, request_id: Any = 1) -> Reply:
    """A backend's successful answer."""
    body = {"jsonrpc": "2.0", "id": request_id, "result": value}
    return Reply(200, JSON, orjson.dumps(body))


def tool_result(value: Any, request_id: Any = 1) -> Reply:
    """A backend's answer to a call: the value twice, as MCP servers send it."""
    content = [{"type": "text", "text": orjson.dumps(value).decode()}]
    return result({"content": content, "structuredContent": value, "isError": False}, request_id)


def tool_list(*names: str) -> Reply:
    """A backend's list of tools."""
    return result({"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in names]})


def stream(*chunks: bytes | Exception) -> Reply:
    """A backend's event stream, chunk by chunk; an exception breaks it off."""

    async def generate() -> AsyncGenerator[bytes, None]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    return Reply(200, SSE, stream=generate())


def event(body: Any) -> bytes:
    """One event of a stream as many servers write it."""
    return b"event: message\r\ndata: " + orjson.dumps(body) + b"\r\n\r\n"


@dataclass
class Backend:
    """The scripted backend: answers with `reply`, a Reply, an exception, or a function."""

    reply: Reply | Exception | Callable[..., Any] = field(default_factory=lambda: Reply(202))
    sent: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
        self.sent.append((verb, headers, orjson.loads(body) if body else None))
        if isinstance(self.reply, Exception):
            raise self.reply
        if callable(self.reply):
            made: Reply = await self.reply(verb, headers, body)
            return made
        return self.reply


def _bundle(config: Mapping[str, Any]) -> policy.Bundle:
    """The library, with a site's configuration."""
    if not config:
        return BUNDLE
    return replace(BUNDLE, data={**BUNDLE.data, "site": {"config": dict(config)}})


class Flow:
    """One sidecar with everything real but the backend's socket."""

    def __init__(
        self,
        folder: Path,
        engine: Any = None,
        *,
        passed: Sequence[str] = (),
        config: Mapping[str, Any] = MappingProxyType({}),
        tools: Any = CATALOG,
        is_discovery: bool = False,
        streams: int = 100,
        accounts: Mapping[str, Any] = NO_ACCOUNTS,
        surveys: Callable[[audit.Writer], Surveys] | None = None,
        watches: tuple[Watch, ...] = (),
        redactor: Redactor | None = None,
    ) -> None:
        config = {**config, **({"passed_methods": list(passed)} if passed else {})}
        self.log = folder / "audit" / "audit.jsonl"
        self.backend = Backend()
        self.counts = Counts()
        self.tokens = {name: identity.new_endpoint_token() for name in ENDPOINTS}
        self.denied = identity.NOTHING_DENIED
        self.redactor = redactor or Redactor()
        self.directory = identity.Directory(KEY, self._endpoints())
        secret_file = folder / "secret"
        secret_file.touch(mode=0o600)
        secret_file.write_text(SECRET)
        self.writer = audit.Writer(
            folder / "audit", instance="test", clock=lambda: datetime.now(UTC), max_bytes=1 << 26
        )
        issuer = identity.Issuer(ISSUER, identity.SecretKey(secret_file), ("HS256",))
        organs = Organs(
            identity=identity.Verifier(
                self.directory,
                identity.Bearer(AUDIENCE, (issuer,)),
                denied=lambda: self.denied,
            ),
            sessions=identity.Sessions(),
            tools=tools,
            policy=policy.Policy(engine or policy.Embedded(_bundle(config)), timeout=1.0),
            audit=self.writer,
            backends=Backends({"": self.backend, **accounts}),
            surveys=surveys(self.writer) if surveys else None,
            watches=(self.counts.ended, *watches),
            redaction=self.redactor,
        )
        edges = edge.Rules(frozenset({"localhost"}), frozenset(), 1 << 20)
        rules = Rules(edges, Durability(), is_discovery, streams)
        self.road = Road(organs, rules, lambda: datetime.now(UTC))
        app = AsgiEndpoint(self.road, 1 << 20, 5.0)
        transport = httpx2.ASGITransport(app)
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://localhost")

    def _endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                name=name,
                token_hash=identity.endpoint_hash(self.tokens[name], KEY),
                **scope,
            )
            for name, scope in ENDPOINTS.items()
        ]

    async def ask(
        self,
        body: Any,
        *,
        endpoint: str = "all",
        bearer: str | None = "",
        headers: dict[str, str] | None = None,
        verb: str = "POST",
    ) -> httpx2.Response:
        """Send one request as a caller would."""
        sent = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        if bearer is not None:
            sent["authorization"] = f"Bearer {bearer or token()}"
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        url = f"/mcp/{self.tokens[endpoint]}"
        return await self.http.request(
            verb, url, content=raw if verb == "POST" else None, headers=sent | (headers or {})
        )

    def events(self, stage: str | None = None) -> list[dict[str, Any]]:
        """What stands in the audit log, without the writer's own lifecycle events."""
        lines = [orjson.loads(line) for line in self.log.read_bytes().splitlines()]
        return [e for e in lines if e["stage"] != "lifecycle" and stage in {None, e["stage"]}]

    @property
    def outcome(self) -> dict[str, Any]:
        """The one outcome; fails when there is none or more than one."""
        (found,) = self.events("outcome")
        return found


@asynccontextmanager
async def flow(folder: Path, engine: Any = None, **settings: Any) -> AsyncIterator[Flow]:
    """A flow that is closed at the end, whatever happened to its audit log.

    What stands there is then valid by the published schema, or the test fails.
    """
    made = Flow(folder, engine, **settings)
    try:
        yield made
    finally:
        await made.http.aclose()
        made.redactor.close()
        with contextlib.suppress(Exception):
            await made.road.close()
        with contextlib.suppress(Exception):
            made.writer.close()
    _check(made.log)


@cache
def _schema() -> jsonschema.Draft202012Validator:
    published = Path(audit.__file__).parent / "event.schema.json"
    return jsonschema.Draft202012Validator(orjson.loads(published.read_bytes()))


def _check(log: Path) -> None:
    """Hold what a test left in its log against the published schema: the first and last events."""
    lines = log.read_bytes().splitlines() if log.is_file() else []
    for line in lines if len(lines) <= 2 * _CHECKED else lines[:_CHECKED] + lines[-_CHECKED:]:
        with contextlib.suppress(orjson.JSONDecodeError):  # a test broke it on purpose
            _schema().validate(orjson.loads(line))
