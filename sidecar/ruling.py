"""Settings to what decides: policies read and tried, engines opened, what judges beside them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Final

from sidecar import upstream
from sidecar.errors import ConfigError, Problem
from sidecar.policy import (
    Address,
    Both,
    Bundle,
    BundleSource,
    Embedded,
    Engine,
    Folder,
    Policy,
    Server,
    Source,
    Window,
    load,
    promoted,
)
from sidecar.settings import Rotating, Settings, shipped, token_in

_REST: Final = 0.25
"""Seconds that a folder has to lie still before it is read."""


def read(settings: Settings) -> Bundle:
    """Read what is to decide, and try it.

    Raises:
        ConfigError: every problem, with file and line, or why a server gives nothing.
    """
    served = _served(settings)
    if served is None:
        return load(shipped("policies"), settings.policy.site_folder, is_timed=True)
    # In a thread, since some who check have an event loop of their own.
    with ThreadPoolExecutor(1) as threads:
        bundle = threads.submit(lambda: asyncio.run(served.changed())).result()
    if bundle is None:
        raise ConfigError([Problem("policy.bundle_url", "gave no archive")])
    return bundle


def on_trial(settings: Settings) -> Bundle | None:
    """Read the folder on trial, if there is one. Raises ConfigError as `read` does."""
    folder = settings.policy.candidate_folder
    return load(shipped("policies"), folder) if folder else None


def source(settings: Settings) -> Source | None:
    """Where a newer policy comes from while serving; None where nothing is looked at.

    Raises:
        ConfigError: a file has become unusable since the settings were read.
    """
    config = settings.policy
    if config.engine == "opa":
        return None
    if config.site_folder is not None:
        rest = min(_REST, config.reload_seconds)
        return Folder(shipped("policies"), config.site_folder, rest=rest)
    return _served(settings)


def _served(settings: Settings) -> BundleSource | None:
    config = settings.policy
    if config.bundle_url is None:
        return None
    token = Rotating(token_in, config.bundle_token_file) if config.bundle_token_file else None
    context = upstream.rotating_tls(config.bundle_ca_file) if config.bundle_ca_file else None
    address = Address(config.bundle_url, token, context, config.bundle_sha256)
    return BundleSource(address, shipped("policies"), config.bundle_seconds)


async def engine(settings: Settings, bundle: Bundle, stack: AsyncExitStack) -> Engine:
    """Open what decides; it is closed with the stack.

    Raises:
        ConfigError: no OPA answers, or a file has become unusable.
    """
    config = settings.policy
    if config.engine == "embedded" or config.opa_url is None:
        return Embedded(bundle)
    token = Rotating(token_in, config.opa_token_file) if config.opa_token_file else None
    context = upstream.rotating_tls(
        config.opa_ca_file, config.opa_client_certificate_file, config.opa_client_key_file
    )
    server = Server(config.opa_url, config.timeout_ms / 1000, token, context)
    await stack.enter_async_context(server)
    return Both(Embedded(bundle), server) if config.engine == "both" else server


def policy(
    settings: Settings, candidate: Bundle | None, decides: Engine, window: Window | None
) -> Policy:
    """The organ, with what judges in shadow beside it, if anything does."""
    shadow = Embedded(candidate, is_tried=True) if candidate else None
    return Policy(decides, settings.policy.timeout_ms / 1000, shadow, window=window)


def rules_on_trial(bundle: Bundle) -> Engine | None:
    """What judges beside a policy that has rules in shadow: the same with none."""
    trial = promoted(bundle)
    return Embedded(trial, is_tried=True) if trial else None


def trial_source(settings: Settings) -> Source | None:
    """Where a newer candidate comes from while serving; None where no folder is on trial."""
    folder = settings.policy.candidate_folder
    rest = min(_REST, settings.policy.reload_seconds)
    return Folder(shipped("policies"), folder, rest=rest) if folder else None
