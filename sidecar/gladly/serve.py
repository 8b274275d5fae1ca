"""Run the backend or the simulator as a program, until it is told to stop."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from sidecar.catalog import Catalog
from sidecar.errors import ConfigError, Problem, SidecarError
from sidecar.gladly import backend
from sidecar.gladly.client import Client
from sidecar.gladly.requests import RequestLog
from sidecar.gladly.simulator import World, simulator

GRACE = 3
"""Seconds that open streams have at shutdown; without a limit one listener would hold it up."""

Announce = Callable[[str], None]
"""Told the URL once the socket listens; the caller decides where that is shown."""


class Listener(uvicorn.Server):
    """One uvicorn server that says where it listens; port 0 takes any free one."""

    def __init__(
        self, app: ASGIApp, host: str, port: int, announce: Announce | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host,
                port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then announce."""
        await super().startup(sockets)
        if self._announce and self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _serve(app: ASGIApp, host: str, port: int, announce: Announce | None) -> None:
    """Serve until told to stop. The port is taken here: uvicorn would exit with code 3.

    Raises:
        SidecarError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        taken = socket.create_server((host, port), family=family)
    except OSError as error:
        what = f"port {port} of {host} cannot be had ({error.strerror})"
        raise SidecarError(f"{what}: stop what uses it, or name another --port") from None
    Listener(app, host, port, announce).run([taken])


def run_simulator(
    host: str,
    port: int,
    *,
    credential: tuple[str, str],
    world: World | None = None,
    rate: int = 10,
    reports_per_minute: int = 10,
    has_retry_after: bool = True,
    latency: float = 0.0,
    announce: Announce | None = None,
) -> None:
    """Serve a Gladly, freshly seeded when `world` is None.

    `credential` is the e-mail and token it accepts; the rest is as `simulator` says.
    """
    app = simulator(
        world,
        credential,
        rate=rate,
        reports_per_minute=reports_per_minute,
        has_retry_after=has_retry_after,
        latency=latency,
    )
    _serve(app, host, port, announce)


def run_backend(
    host: str,
    port: int,
    gladly_url: str,
    email: str,
    token_file: Path,
    *,
    catalog: Catalog,
    bearer_file: Path | None = None,
    organization: str = "",
    ca_file: Path | None = None,
    scope: backend.Scope | None = None,
    request_log: Path | None = None,
    announce: Announce | None = None,
) -> None:
    """Serve the MCP backend for the Gladly at `gladly_url`; `request_log` is as `RequestLog` says.

    Raises:
        ConfigError: the token or bearer file cannot be read or is empty, or the log not written.
    """
    _quiet()
    bearer = _secret(bearer_file) if bearer_file else ""
    client = Client(gladly_url, email, token_file, ca_file=ca_file)
    app = backend.app(
        client,
        catalog,
        organization=organization,
        bearer=bearer,
        host=host,
        scope=scope or backend.Scope(),
    )
    _serve(RequestLog(app, request_log) if request_log else app, host, port, announce)


def _secret(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as failure:
        what = f"the bearer token cannot be read: {failure.strerror}"
        raise ConfigError([Problem(str(path), what)]) from failure
    if not text:
        raise ConfigError([Problem(str(path), "the bearer token is empty")])
    return text


def _quiet() -> None:
    """Keep the libraries' loggers off the output: they write URLs, session ids and arguments."""
    for name in ("mcp", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
