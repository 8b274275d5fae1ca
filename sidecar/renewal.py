"""A running sidecar's policy renewed: the organs wired that a newer one has to get past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import structlog

from sidecar import audit, redaction
from sidecar.catalog import Catalog
from sidecar.model import Endpoint, Event
from sidecar.policy import (
    CONFIRMED,
    Bundle,
    Embedded,
    Folder,
    Generations,
    Guard,
    Policy,
    Window,
    listed,
    promoted,
)
from sidecar.policy.spelling import meant
from sidecar.redaction import Redactor
from sidecar.settings import Settings, shipped

_log = structlog.get_logger("sidecar.policy")

Beside = Callable[[Bundle], Embedded | None]
"""Makes what judges in shadow beside a policy, if anything does."""


def unknown_names(catalog: Catalog, *bundles: Bundle | None) -> Iterator[str]:
    """Names in a site's rules that the catalog has not; another backend may have them."""
    known = {
        "tool": {name for row in catalog.rows for name in (row.tool.name, *row.aliases)},
        "argument": {name for row in catalog.rows for name in row.tool.arguments},
    }
    for mention in dict.fromkeys(m for bundle in bundles if bundle for m in bundle.mentions):
        if mention.name not in known[mention.kind]:
            close = meant(mention.name, known[mention.kind])
            what = f"{mention.where}: the catalog has no {mention.kind} {mention.name}"
            yield f"{what} ({close})" if close else what


def window(settings: Settings) -> Window | None:
    """What keeps the last decisions; None where no newer policy is looked for."""
    policy = settings.policy
    is_renewed = policy.engine == "embedded" and policy.site_folder is not None
    return Window(policy.guard_decisions) if is_renewed else None


def beside(settings: Settings, candidate: Bundle | None) -> Beside:
    """What judges beside a policy: the folder on trial, else the rules that it has on trial."""
    fixed = candidate if settings.policy.candidate_folder else None

    def made(bundle: Bundle) -> Embedded | None:
        trial = fixed or promoted(bundle)
        return Embedded(trial, is_tried=True) if trial else None

    return made


def generations(
    settings: Settings,
    live: Bundle,
    candidate: Bundle | None,
    policy: Policy,
    kept: Window,
    catalog: Catalog,
    redactor: Redactor,
    writer: audit.Writer,
    now: datetime,
) -> Generations | None:
    """What takes up changes of the site's folder; None where none is set."""
    config, folder = settings.policy, settings.policy.site_folder
    if folder is None:
        return None
    timeout = config.timeout_ms / 1000
    endpoints = [Endpoint(e.name, None, e.methods, e.tags) for e in settings.endpoints]
    lists = listed([row.tool for row in catalog.rows], endpoints, now)

    def check(bundle: Bundle) -> None:
        has_pseudonyms = bundle.names("pseudonym")
        redaction.tried(redactor, settings.redaction, has_pseudonyms=has_pseudonyms)
        warn(catalog, bundle)

    async def record(what: str, said: dict[str, Any]) -> None:
        event = Event(audit.event_id(), "lifecycle", data={"what": what, **said})
        await writer.record(event, is_synced=True)

    return Generations(
        policy,
        live,
        Folder(shipped("policies"), folder, rest=min(0.25, config.reload_seconds)),
        Guard(kept, config.guard_share, timeout, lists),
        record,
        check=check,
        confirmed=folder / CONFIRMED,
        shadow=beside(settings, candidate),
    )


def warn(catalog: Catalog, *bundles: Bundle | None) -> None:
    """Log what a site's rules name and the catalog has not."""
    for name in unknown_names(catalog, *bundles):
        _log.warning("a rule names what the catalog has not", what=name)
