"""Settings to a running sidecar: what is read, checked, opened and wired together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from sidecar import audit, changes, edge, entrance, identity, redaction, renewal, ruling, upstream
from sidecar.catalog import Catalog, Pins, Reviewed
from sidecar.catalog import load as load_catalog
from sidecar.endpoint import Endpoint
from sidecar.errors import ConfigError, Problem
from sidecar.identity import Directory
from sidecar.metrics import Metrics
from sidecar.model import Event
from sidecar.monitoring import Monitoring
from sidecar.pipeline import Backends, Durability, Organs, Road, Rules, Survey, Surveys
from sidecar.policy import Both, Bundle, Engine, Policy, Server, Window, promoted
from sidecar.redaction import Redactor
from sidecar.settings import Rotating, Settings, Target, shipped, token_in, url_in

_log = structlog.get_logger("sidecar.app")


@dataclass(frozen=True, slots=True)
class Parts:
    """What is read and tried before anything is opened: catalog, policy, pins and redaction.

    `candidate` is what judges in shadow: the folder on trial, else the rules on trial.
    """

    catalog: Catalog
    bundle: Bundle
    pins: Pins | None
    candidate: Bundle | None
    redactor: Redactor


@dataclass(frozen=True, slots=True)
class Running:
    """What is open while the sidecar serves: MCP over HTTP, its road, and what readiness says."""

    endpoint: Endpoint
    road: Road
    trail: audit.Trail
    reviewed: Reviewed
    surveys: Surveys
    verifier: identity.Verifier
    metrics: Metrics
    redactor: Redactor
    renewal: renewal.Renewal


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
    for part in (_read_catalog, ruling.read, _read_pins, ruling.on_trial):
        try:
            found.append(part(settings))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    catalog, bundle, pins, candidate = found
    candidate = candidate or promoted(bundle)
    tools = [row.tool for row in catalog.rows]
    has_pseudonyms = any(one.names("pseudonym") for one in (bundle, candidate) if one)
    redactor = redaction.made(settings.redaction, tools, has_pseudonyms=has_pseudonyms)
    return Parts(catalog, bundle, pins, candidate, redactor)


def _read_catalog(settings: Settings) -> Catalog:
    return load_catalog([shipped("tool_catalog"), *settings.catalog.folders])


def _read_pins(settings: Settings) -> Pins | None:
    file = settings.catalog.pins_file
    return Pins.read(file) if file else None


@asynccontextmanager
async def opened(
    settings: Settings, parts: Parts, endpoints: Directory | None = None
) -> AsyncIterator[Running]:
    """Open everything the road needs, and close it in the reverse order.

    `endpoints` stand in the place of those of the settings.

    Raises:
        ConfigError: the audit log is in use or cannot be written, no OPA answers, a secret cannot
            be read.
    """
    async with AsyncExitStack() as stack:
        _use_own(settings, stack)
        opening = audit.opened(settings.audit, settings.listen.port, now)
        trail = await stack.enter_async_context(opening)
        writer = trail.writer
        engine = await ruling.engine(settings, parts.bundle, stack)
        clients = backends(settings)
        await _enter(clients.values(), stack)
        reviewed = Reviewed(parts.catalog, parts.pins)
        surveys = _surveys(settings, clients, reviewed, writer)
        known = entrance.directory(settings) if endpoints is None else endpoints
        verifier = await entrance.verifier(settings, known, stack)
        monitoring = Monitoring(settings)
        window = renewal.window(settings)
        policy = ruling.policy(settings, parts.candidate, engine, window)
        stack.push_async_callback(monitoring.close)
        organs = Organs(
            identity=verifier,
            sessions=identity.Sessions(),
            # Behind the wrappers of discovery the backend lists no tool that could be compared.
            tools=parts.catalog if settings.backend.tool_exposure == "discovery" else reviewed,
            policy=policy,
            audit=writer,
            backends=Backends(clients),
            surveys=surveys,
            watches=monitoring.watches,
            redaction=parts.redactor,
        )
        stack.callback(parts.redactor.close)
        stack.push_async_callback((road := Road(organs, rules(settings), now)).close)
        newer, catalog = _newer(settings, parts, policy, window, writer), parts.catalog
        numbers = monitoring.begin(road, trail, policy, catalog, reviewed, surveys, newer.decides)
        await writer.record(_started(settings, parts, engine), is_synced=True)
        looking = [surveys.run(), _changes(settings, writer, engine).run()]
        looking += newer.looking(settings.policy.reload_seconds)
        _begin(looking, stack)
        _log.info("opened", endpoints=len(settings.endpoints), tools=len(parts.catalog))
        http, masks = _endpoint(settings, road), parts.redactor
        yield Running(http, road, trail, reviewed, surveys, verifier, numbers, masks, newer)


def _endpoint(settings: Settings, road: Road) -> Endpoint:
    limits, documents = settings.limits, entrance.documents(settings)
    return Endpoint(road, limits.request_bytes, limits.body_timeout, documents)


def _changes(settings: Settings, writer: audit.Writer, engine: Engine) -> changes.Watch:
    asked = engine.theirs if isinstance(engine, Both) else engine
    elsewhere = asked if isinstance(asked, Server) else None
    return changes.Watch(changes.files(settings), writer, elsewhere)


def _newer(
    settings: Settings, parts: Parts, policy: Policy, window: Window | None, writer: audit.Writer
) -> renewal.Renewal:
    renewal.warn_unguarded(parts.bundle)
    bundles, catalog, masks = (parts.bundle, parts.candidate), parts.catalog, parts.redactor
    return renewal.begun(settings, bundles, policy, window, catalog, masks, writer, now())


def _use_own(settings: Settings, stack: AsyncExitStack) -> None:
    """Find what the operator's own patterns find, until the stack is left."""
    redaction.use((own.pattern, own.entity) for own in settings.redaction.patterns)
    stack.callback(redaction.use, ())


async def _enter(clients: Iterable[upstream.Backend], stack: AsyncExitStack) -> None:
    for client in clients:
        await stack.enter_async_context(client)


def _begin(looking: Iterable[Coroutine[Any, Any, None]], stack: AsyncExitStack) -> None:
    """Look in the background until the stack is left."""
    for looks in looking:
        stack.push_async_callback(_stop, asyncio.create_task(looks))


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _surveys(
    settings: Settings,
    clients: Mapping[str, upstream.Backend],
    reviewed: Reviewed,
    writer: audit.Writer,
) -> Surveys:
    period, patience = settings.catalog.refresh_seconds, settings.backend.reply_timeout
    return Surveys(
        {
            account: Survey(client, reviewed, writer, period, patience, account=account)
            for account, client in clients.items()
        }
    )


def backends(settings: Settings) -> dict[str, upstream.Backend]:
    """Make the upstream client of each account, the default one's under ""; not yet open.

    Each has its own connections, and its own target, in which address and credential stand
    together: no request can take them from two accounts. What a client reads from files it reads
    again when they change.

    Raises:
        ConfigError: a file has become unusable since the settings were read.
    """
    config = settings.backend
    context = upstream.rotating_tls(
        config.ca_file, config.client_certificate_file, config.client_key_file
    )
    accounts: dict[str, Target] = {"": config, **{one.name: one for one in settings.accounts}}
    return {
        name: upstream.Backend(_target(settings, account), context)
        for name, account in accounts.items()
    }


def _target(settings: Settings, account: Target) -> upstream.Target:
    """Where requests of an account go: its address and token, and all else as for every account."""
    config, token = settings.backend, account.bearer_token_file
    return upstream.Target(
        url=Rotating(url_in, account.url_file) if account.url_file else account.address(),
        authorization=Rotating(_bearer, token) if token else None,
        proxy=config.proxy.get_secret_value() if config.proxy else None,
        connect_timeout=config.connect_timeout,
        reply_timeout=config.reply_timeout,
        idle_timeout=config.idle_timeout,
        max_connections=config.max_connections,
        reply_bytes=settings.limits.reply_bytes,
    )


def _bearer(file: Path) -> str:
    return f"Bearer {token_in(file)}"


def rules(settings: Settings) -> Rules:
    """How the road is set. Loopback names and the listener's own are always served."""
    port = settings.listen.port
    names = {"localhost", "127.0.0.1", "[::1]", settings.listen.host}
    hosts = {f"{name}:{port}" for name in names} | {h.lower() for h in settings.allowed_hosts}
    return Rules(
        edge=edge.Rules(
            hosts=frozenset(hosts),
            origins=frozenset(origin.lower() for origin in settings.allowed_origins),
            request_bytes=settings.limits.request_bytes,
        ),
        durability=Durability(
            are_reads_synced=settings.audit.reads == "synced",
            are_writes_synced=settings.audit.writes == "synced",
        ),
        is_discovery=settings.backend.tool_exposure == "discovery",
        streams=settings.limits.streams,
    )


def _started(settings: Settings, parts: Parts, engine: Engine) -> Event:
    digests = {
        "policy": engine.policy_sha256,
        "candidate": parts.candidate.sha256 if parts.candidate else "",
        "catalog": parts.catalog.sha256,
        "pins": changes.sha256(dict(parts.pins.tools)) if parts.pins else "",
    }
    before = audit.last_start(settings.audit.folder)
    return changes.started(settings, digests, settings.policy.engine, before)


def _text(path: Any) -> str | None:
    return str(path) if path else None
