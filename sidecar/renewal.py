"""A running sidecar's policy renewed: the organs wired that a newer one has to get past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import structlog

from sidecar import audit, redaction, ruling
from sidecar.catalog import Catalog
from sidecar.model import Endpoint, Event
from sidecar.policy import CONFIRMED, Both, Bundle, Generations, Guard, Policy, Window, listed
from sidecar.policy.spelling import meant
from sidecar.redaction import Redactor
from sidecar.settings import Settings

_log = structlog.get_logger("sidecar.policy")


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
    is_renewed = ruling.source(settings) is not None
    return Window(settings.policy.guard_decisions) if is_renewed else None


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
    """What takes up changes of the site's rules; None where nothing is looked at."""
    config, source = settings.policy, ruling.source(settings)
    if source is None:
        return None
    folder, decides = config.site_folder, policy.engine
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
        source,
        Guard(kept, config.guard_share, timeout, lists),
        record,
        check=check,
        confirmed=folder / CONFIRMED if folder else None,
        shadow=ruling.beside(settings, candidate),
        with_opa=decides.theirs if isinstance(decides, Both) else None,
    )


def warn(catalog: Catalog, *bundles: Bundle | None) -> None:
    """Log what a site's rules name and the catalog has not."""
    for name in unknown_names(catalog, *bundles):
        _log.warning("a rule names what the catalog has not", what=name)
