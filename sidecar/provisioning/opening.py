"""Settings to a running provisioning API: what is opened, loaded, swept and closed again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette

from sidecar.audit import Writer
from sidecar.catalog import Catalog
from sidecar.errors import ConfigError, Problem, Refusal
from sidecar.identity import Directory, Verifier
from sidecar.pipeline import Floods
from sidecar.provisioning.application import Api
from sidecar.provisioning.gateway import Gateway, Rules
from sidecar.provisioning.store import Store
from sidecar.settings import Settings


@asynccontextmanager
async def opened(
    settings: Settings,
    accounts: frozenset[str],
    directory: Directory,
    verifier: Verifier,
    catalog: Catalog,
    writer: Writer,
) -> AsyncIterator[Starlette]:
    """Open the store, let callers in at what it holds, and give the application that changes it.

    `directory` holds the declared endpoints and is the one that `verifier` looks callers up in;
    `accounts` are the ids of the integrated accounts.

    Raises:
        ConfigError: the store cannot be used, or holds a name that the settings declare.
    """
    config, url, bearers = settings.provisioning, settings.public_url, verifier.bearers
    if config is None or url is None or bearers is None:
        raise ConfigError([Problem("provisioning", "needs public_url and bearer", "set them")])
    rules = Rules(accounts, url, settings.backend.tool_exposure)
    tools = [row.tool for row in catalog.rows]
    floods = Floods(writer)
    with contextlib.closing(Store(config.store_file)) as store:
        gateway = Gateway(store, directory, tools, writer, rules, lambda: datetime.now(UTC))
        api = Api(gateway, bearers.meant_for(config.audience), floods, settings.limits.body_timeout)
        sweeping = asyncio.create_task(gateway.sweep_for_ever())
        try:
            yield api.application()
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping
            # What was only counted; without a log there is nowhere to put it.
            with contextlib.suppress(Refusal):
                await floods.flush()
