"""Open a sidecar for the client that started this process, and serve it until it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog

from sidecar import app, identity, log, settings
from sidecar.errors import ConfigError, Problem
from sidecar.local import Folder, Processes
from sidecar.local import up as local
from sidecar.settings import Settings
from sidecar.stdio.bridge import Bridge
from sidecar.stdio.pipes import Output, lines

_log = structlog.get_logger("sidecar.stdio")
_MOST: Final = 64
"""Clients of one folder at the same time; each writes an audit log of its own."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where settings come from: the folder of `sidecar up`, or a file and an endpoint's name."""

    folder: Folder | None = None
    config: Path | None = None
    endpoint: str = ""
    bearer: str = ""


async def serve(source: Source) -> None:
    """Serve one client on standard input and output.

    Raises:
        ConfigError: what `sidecar check` would tell, or an endpoint that cannot be served so.
        SidecarError: the folder's credential does not open Gladly.
    """
    async with AsyncExitStack() as stack:
        if source.folder is not None:
            loaded = await _from_folder(source.folder, stack)
        else:
            loaded = settings.load(source.config)
        _keep_pure(loaded)
        if loaded.log.anchors_file:
            log.anchors_to(loaded.log.anchors_file)
        endpoints, path = _served(loaded, source)
        opened = app.opened(loaded, app.check(loaded), endpoints)
        running = await stack.enter_async_context(opened)
        output = Output()
        await output.open()
        host = f"127.0.0.1:{loaded.listen.port}"
        bridge = Bridge(running.road, path, host, source.bearer, output.line)
        await _until_told(bridge.run(lines(loaded.limits.request_bytes)))


async def _from_folder(folder: Folder, stack: AsyncExitStack) -> Settings:
    """Start the folder's backend, and write settings for it with an audit log of their own."""
    programs = Processes()
    stack.push_async_callback(programs.end_all)
    url = await local.backend(programs, folder, _log.info)
    return settings.load(folder.write_settings(url, 8080, 9090, _free_log(folder)))


def _free_log(folder: Folder) -> Path:
    """The first folder below `audit-stdio` that no other client's sidecar writes to."""
    for number in range(1, _MOST + 1):
        path = folder.stdio_audit / str(number)
        if folder.take(path):
            return path
    what = f"{_MOST} clients are served from here already"
    raise ConfigError([Problem(str(folder.path), what, "end some of them")])


def _keep_pure(loaded: Settings) -> None:
    """Refuse whatever else would write to standard output, which carries the client's messages."""
    if loaded.audit.ship.stdout:
        what = "cannot be used by `sidecar stdio`: standard output is the client's"
        remedy = "ship with audit.ship.otlp_url, or leave it out"
        raise ConfigError([Problem("audit.ship.stdout", what, remedy)])


def _served(loaded: Settings, source: Source) -> tuple[identity.Directory, str]:
    """The chosen endpoint alone, at a path that only this process knows."""
    chosen = [one for one in loaded.endpoints if source.endpoint in {"", one.name}]
    if len(chosen) != 1:
        names = ", ".join(one.name for one in loaded.endpoints) or "none"
        what = f"no single endpoint is meant by {source.endpoint!r}"
        raise ConfigError([Problem("--endpoint", what, f"there are: {names}")])
    endpoint = chosen[0]
    if endpoint.require_api_token_auth and not source.bearer:
        what = f"endpoint {endpoint.name} wants a bearer token"
        raise ConfigError([Problem("--bearer-file", what, "name a file with one")])
    token, key = identity.new_endpoint_token(), identity.new_endpoint_token()
    only = replace(endpoint.to_endpoint(), token_hash=identity.endpoint_hash(token, key))
    return identity.Directory(key, [only]), f"/mcp/{token}"


async def _until_told(served: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(served)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
