"""Settings to a running sidecar: the wiring, and the raw ASGI endpoint of the MCP listener.

The endpoint is pure ASGI. It reads the body only when the road asks for it, and from then on
watches for a caller who goes away, so that a call in flight is cancelled; a `StreamingResponse` or
a buffering middleware would let it run to its end upstream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import structlog
from starlette.types import Receive, Scope, Send

from sidecar import audit, edge, identity, jsonrpc, upstream
from sidecar.catalog import Catalog
from sidecar.catalog import load as load_catalog
from sidecar.errors import ConfigError, Inadmissible, Problem, Refusal
from sidecar.model import Event, Head, Reply
from sidecar.pipeline import Durability, Organs, Road
from sidecar.policy import Bundle, Embedded, Engine, Policy, Server, read
from sidecar.settings import Settings, secret, shipped

_log = structlog.get_logger("sidecar.app")

_STREAM_HEADERS = (
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


_TOO_MANY_STREAMS = Reply(
    503,
    (("content-type", "application/json"), ("retry-after", "5")),
    jsonrpc.error(None, jsonrpc.INTERNAL_ERROR, "Too many streams are open. Try again later."),
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is read and checked before anything is opened: catalog and policy."""

    catalog: Catalog
    bundle: Bundle


@dataclass(frozen=True, slots=True)
class Running:
    """What is open while the sidecar serves: the MCP endpoint, and the log whose health counts."""

    endpoint: Endpoint
    writer: audit.Writer


def now() -> datetime:
    """The clock of the program, in UTC."""
    return datetime.now(UTC)


def check(settings: Settings) -> Parts:
    """Read catalog and policies and try them, so that a start fails before it listens.

    Raises:
        ConfigError: every problem of both, with file and line.
    """
    problems: list[Problem] = []
    found: list[Any] = []
    for part in (_read_catalog, _read_policy):
        try:
            found.append(part(settings))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return Parts(*found)


def _read_catalog(settings: Settings) -> Catalog:
    return load_catalog([shipped("tool_catalog"), *settings.catalog.folders])


def _read_policy(settings: Settings) -> Bundle:
    site = settings.policy.site_folder
    bundle = read([shipped("policies"), *([site] if site else [])])
    Embedded(bundle)
    return bundle


class Endpoint:
    """The MCP listener's one ASGI endpoint: scope to Head, Reply to messages."""

    def __init__(self, road: Road, request_bytes: int, body_timeout: float, streams: int) -> None:
        self._road = road
        self._limit = request_bytes
        self._timeout = body_timeout
        self._free_streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A caller who went away gets nothing, and ends the call."""
        call = _Call(receive, self._limit, self._timeout)
        if scope["method"] != "POST":
            # No body will be read, and a listener may be silent for long: watch from the start.
            call.watch()
        try:
            reply = await self._road.handle(_head(scope), call.read_body)
            if reply.stream is None:
                await _send_body(reply, send)
            else:
                await self._send_stream(reply, reply.stream, send)
        except asyncio.CancelledError:
            if not call.has_left:
                raise
        finally:
            call.close()

    async def _send_stream(
        self, reply: Reply, stream: AsyncGenerator[bytes, None], send: Send
    ) -> None:
        async with aclosing(stream) as chunks:
            if self._free_streams <= 0:
                await _send_body(_TOO_MANY_STREAMS, send)
                return
            self._free_streams -= 1
            try:
                await _start(reply, _STREAM_HEADERS, send)
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            finally:
                self._free_streams += 1
        await send({"type": "http.response.body", "body": b""})


class _Call:
    """The receiving half of one request: its body, then the watch for a disconnect."""

    def __init__(self, receive: Receive, limit: int, timeout: float) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout = timeout
        self._task = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None
        self.has_left = False

    async def read_body(self) -> bytes:
        """Read the whole body, then begin to watch.

        Raises:
            Inadmissible: 413 over the limit, 408 too slow or broken off.
        """
        try:
            async with asyncio.timeout(self._timeout):
                body = await self._read()
        except TimeoutError:
            raise Inadmissible("slow body", reason="body_timeout", status=408) from None
        self.watch()
        return body

    def watch(self) -> None:
        """From now on, cancel the call when its caller goes away."""
        self._watch = asyncio.get_running_loop().create_task(self._watch_for_leave())

    async def _read(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise Inadmissible("body broken off", reason="body_cut", status=408)
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                raise edge.too_large(self._limit)
            chunks.append(chunk)
            if not event.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _watch_for_leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()


def _head(scope: Scope) -> Head:
    path = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    client = scope.get("client")
    return Head(
        verb=scope["method"],
        path=f"{path}?{query}" if query else path,
        headers=tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ),
        client_ip=client[0] if client else "",
    )


async def _start(reply: Reply, more: tuple[tuple[bytes, bytes], ...], send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    headers.extend(more)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def _send_body(reply: Reply, send: Send) -> None:
    has_no_body = reply.status in {202, 204}
    length = () if has_no_body else ((b"content-length", b"%d" % len(reply.body)),)
    await _start(reply, length, send)
    await send({"type": "http.response.body", "body": reply.body})


@asynccontextmanager
async def opened(settings: Settings, parts: Parts) -> AsyncIterator[Running]:
    """Open everything the road needs, and close it in the reverse order.

    Raises:
        ConfigError: the audit log is in use or cannot be written, no OPA answers, a secret cannot
            be read.
    """
    async with AsyncExitStack() as stack:
        writer = audit.Writer(
            settings.audit.folder,
            instance=f"{settings.listen.host}:{settings.listen.port}",
            clock=now,
            max_bytes=settings.audit.max_bytes,
        )
        stack.callback(_close_writer, writer)
        engine = await _engine(settings, parts.bundle, stack)
        organs = Organs(
            identity=await _verifier(settings, stack),
            sessions=identity.Sessions(),
            catalog=parts.catalog,
            policy=Policy(engine, settings.policy.timeout_ms / 1000),
            audit=writer,
            backend=await stack.enter_async_context(backend(settings)),
        )
        durability = Durability(settings.audit.reads == "synced", settings.audit.writes == "synced")
        road = Road(organs, rules(settings), durability, now)
        stack.push_async_callback(road.close)
        await writer.record(_started(parts.catalog, engine), is_synced=True)
        _log.info("ready", endpoints=len(settings.endpoints), tools=len(parts.catalog))
        limits = settings.limits
        yield Running(
            Endpoint(road, limits.request_bytes, limits.body_timeout, limits.streams), writer
        )


def _close_writer(writer: audit.Writer) -> None:
    try:
        writer.close()
    except Refusal as refusal:
        _log.error("the audit log did not end in a durable stop", detail=str(refusal))


async def _engine(settings: Settings, bundle: Bundle, stack: AsyncExitStack) -> Engine:
    policy = settings.policy
    if policy.engine == "embedded" or policy.opa_url is None:
        return Embedded(bundle)
    token = secret(policy.opa_token_file) if policy.opa_token_file else None
    server = Server(policy.opa_url, policy.timeout_ms / 1000, token)
    return await stack.enter_async_context(server)


async def _verifier(settings: Settings, stack: AsyncExitStack) -> identity.Verifier:
    endpoints = [endpoint.to_endpoint() for endpoint in settings.endpoints]
    config = settings.bearer
    if config is None:
        return identity.Verifier(endpoints)
    bearer = identity.Bearer(
        issuer=config.issuer,
        audience=config.audience,
        algorithms=config.accepted(),
        leeway=config.leeway,
        roles_claim=config.roles_claim,
        purpose_claim=config.purpose_claim,
        on_behalf_of_claim=config.on_behalf_of_claim,
    )
    return identity.Verifier(endpoints, bearer, await _keys(config, bearer, stack))


async def _keys(config: Any, bearer: identity.Bearer, stack: AsyncExitStack) -> identity.Keys:
    if config.hs256_secret_file:
        return identity.SecretKey(config.hs256_secret_file)
    context = upstream.tls(_text(config.jwks_ca_file), None, None)
    http = httpx2.AsyncClient(verify=context, trust_env=False)
    await stack.enter_async_context(http)
    return identity.KeySet(str(config.jwks_url), http, algorithms=bearer.algorithms)


def backend(settings: Settings) -> upstream.Backend:
    """Make the upstream client that the settings describe; not yet open."""
    config = settings.backend
    token = config.bearer_token_file
    target = upstream.Target(
        url=config.address(),
        authorization=f"Bearer {secret(token)}" if token else None,
        proxy=config.proxy.get_secret_value() if config.proxy else None,
        connect_timeout=config.connect_timeout,
        reply_timeout=config.reply_timeout,
        idle_timeout=config.idle_timeout,
        max_connections=config.max_connections,
        reply_bytes=settings.limits.reply_bytes,
    )
    files = (config.ca_file, config.client_certificate_file, config.client_key_file)
    return upstream.Backend(target, upstream.tls(*map(_text, files)))


def rules(settings: Settings) -> edge.Rules:
    """The edge's rules: loopback names and the listener's own are always served."""
    port = settings.listen.port
    names = {"localhost", "127.0.0.1", "[::1]", settings.listen.host}
    hosts = {f"{name}:{port}" for name in names} | {h.lower() for h in settings.allowed_hosts}
    return edge.Rules(
        hosts=frozenset(hosts),
        origins=frozenset(origin.lower() for origin in settings.allowed_origins),
        request_bytes=settings.limits.request_bytes,
    )


def _started(catalog: Catalog, engine: Engine) -> Event:
    data = {
        "what": "start",
        "policy_sha256": engine.policy_sha256,
        "catalog_sha256": catalog.sha256,
    }
    return Event(id=audit.event_id(), stage="lifecycle", data=data)


def _text(path: Any) -> str | None:
    return str(path) if path else None
