"""The listeners of one process: MCP for agents, admin for probes, and a gateway's provisioning.

One signal stops all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final

import structlog
import uvicorn
import uvloop

from sidecar import admin, app, entrance
from sidecar.connection import Connection
from sidecar.endpoint import Endpoint
from sidecar.settings import DEFAULT_ACCOUNT, Listening, Settings, server_tls

_log = structlog.get_logger("sidecar.serving")

HANDSHAKE_SECONDS: Final = 10.0
"""Longest time from a connection's begin to the end of its TLS handshake."""

GOODBYE_SECONDS: Final = 2.0
"""Longest wait for the other side's part in closing a TLS connection."""


class Loop(uvloop.Loop):
    """An event loop whose servers wait for TLS no longer than is said above.

    Its own bounds are a minute and half a minute, and uvicorn has no setting for them.
    """

    async def create_server(self, *args: Any, **named: Any) -> Any:
        """Make a server."""
        if named.get("ssl"):
            named["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
            named["ssl_shutdown_timeout"] = GOODBYE_SECONDS
        return await super().create_server(*args, **named)


class Listener(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs it beside another one.

    `setting` names the section of the settings that says where it listens.
    """

    def __init__(self, setting: str, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.setting = setting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            _log.info(
                "listening", setting=self.setting, host=self.config.host, port=self.config.port
            )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def serve(settings: Settings, parts: app.Parts) -> bool:
    """Serve until SIGTERM or SIGINT, then drain within `limits.grace` seconds.

    Returns whether every listener came up.
    """
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(_serve(settings, parts))


async def _serve(settings: Settings, parts: app.Parts) -> bool:
    grace = settings.limits.grace
    endpoints = entrance.directory(settings)
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(app.opened(settings, parts, endpoints))
        probes = admin.application(
            running.trail.writer,
            running.reviewed,
            running.surveys,
            running.metrics,
            running.redactor,
            waiting=running.trail.shipping.told,
            newer=running.renewal.told,
        )
        listeners = [
            listener("listen", running.endpoint, settings.listen, grace),
            listener("admin", probes, settings.admin, grace),
        ]
        if settings.provisioning is not None:
            # Here alone: a sidecar without a gateway starts without a database's code.
            from sidecar import provisioning

            gateway = await stack.enter_async_context(
                provisioning.opened(
                    settings,
                    frozenset({DEFAULT_ACCOUNT, *(a.name for a in settings.accounts)}),
                    endpoints,
                    running.verifier,
                    parts.catalog,
                    running.trail.writer,
                )
            )
            listeners.append(listener("provisioning", gateway, settings.provisioning, grace))
        _settle()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, listeners, running.endpoint)
        async with asyncio.TaskGroup() as group:
            for one in listeners:
                group.create_task(_run(one, listeners, running.endpoint))
    return all(one.started for one in listeners)


async def _run(one: Listener, listeners: Sequence[Listener], endpoint: Endpoint) -> None:
    try:
        await one.serve()
    except SystemExit:
        # uvicorn exits when it cannot have its port; it has logged why.
        where = f"{one.setting}.port {one.config.port} on {one.config.host}"
        _log.error(f"{where} cannot be had: stop what uses it, or set {one.setting}.port")
    finally:
        _stop(listeners, endpoint)


def _settle() -> None:
    """Take all that was made so far, which stays, out of what the garbage collector walks over.

    A walk over the catalog, the policy and every numbering plan stops all callers for 50 ms.
    """
    gc.collect()
    gc.freeze()


def _stop(listeners: Sequence[Listener], endpoint: Endpoint) -> None:
    for one in listeners:
        one.should_exit = True
    endpoint.drain()


def listener(setting: str, application: Any, address: Listening, grace: float) -> Listener:
    """Make a listener: our own logging, no access log of URLs, no server header; TLS if set.

    Raises:
        ConfigError: its certificate has become unusable since the settings were read.
    """
    tls = None
    if address.certificate_file is not None and address.key_file is not None:
        tls = server_tls(address.certificate_file, address.key_file)
    return Listener(
        setting,
        uvicorn.Config(
            application,
            host=address.host,
            port=address.port,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ws="none",
            http=Connection,
            lifespan="off",
            timeout_graceful_shutdown=max(1, round(grace)),
            ssl_context_factory=(lambda *_: tls) if tls else None,
        ),
    )
