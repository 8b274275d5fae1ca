"""A running sidecar's policy renewed: the organs wired that a newer one has to get past."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from sidecar import audit, redaction, ruling
from sidecar.catalog import Catalog
from sidecar.model import Endpoint, Event
from sidecar.policy import (
    CONFIRMED,
    Both,
    Bundle,
    Candidate,
    Generations,
    Guard,
    Policy,
    Record,
    Window,
    listed,
    unguarded,
)
from sidecar.policy.spelling import meant
from sidecar.redaction import Redactor
from sidecar.settings import Settings

_log = structlog.get_logger("sidecar.policy")


def warnings(catalog: Catalog, *bundles: Bundle | None) -> Iterator[str]:
    """What may be meant so in a site's policy: that it is slow, and names that nobody knows."""
    for bundle in bundles:
        yield from map(str, bundle.slow if bundle else ())
    yield from unknown_names(catalog, *bundles)


def unknown_names(catalog: Catalog, *bundles: Bundle | None) -> Iterator[str]:
    """Names in a site's rules that the catalog has not; another backend may have them."""
    known = catalog.names()
    for mention in dict.fromkeys(m for bundle in bundles if bundle for m in bundle.mentions):
        if mention.name not in known[mention.kind]:
            close = meant(mention.name, known[mention.kind])
            what = f"{mention.where}: the catalog has no {mention.kind} {mention.name}"
            yield f"{what} ({close})" if close else what


def window(settings: Settings) -> Window | None:
    """What keeps the last decisions; None where no newer policy is looked for."""
    is_renewed = ruling.source(settings) is not None
    return Window(settings.policy.guard_decisions) if is_renewed else None


class Renewal(NamedTuple):
    """What takes up newer policies: the one that decides, and the one on trial, if looked for."""

    decides: Generations | None
    trial: Candidate | None

    def told(self) -> str:
        """Why the newest do not decide, or are not on trial, a line each; empty while they are."""
        return "\n".join(filter(None, (one.told() for one in self if one)))

    def looking(self, period: float) -> list[Coroutine[Any, Any, None]]:
        """Look every so many seconds until cancelled."""
        return [one.run(period) for one in self if one]


def begun(
    settings: Settings,
    bundles: tuple[Bundle, Bundle | None],
    policy: Policy,
    window: Window | None,
    catalog: Catalog,
    redactor: Redactor,
    writer: audit.Writer,
    now: datetime,
) -> Renewal:
    """What takes up changes, and a warning of each name that rules have and the catalog has not.

    `bundles` are what decides now and what is on trial.
    """
    warn(catalog, *bundles)
    trial = _trial(settings, policy, catalog, redactor, writer)
    if window is None:
        return Renewal(None, trial)
    decides = _generations(
        settings, bundles[0], trial, policy, window, catalog, redactor, writer, now
    )
    return Renewal(decides, trial)


def _trial(
    settings: Settings, policy: Policy, catalog: Catalog, redactor: Redactor, writer: audit.Writer
) -> Candidate | None:
    """What takes up changes of the folder on trial; None where none is."""
    source, engine = ruling.trial_source(settings), policy.candidate
    if source is None or engine is None:
        return None
    check = _check(settings, catalog, redactor)
    return Candidate(policy, engine, source, _record(writer), check=check)


def _generations(
    settings: Settings,
    live: Bundle,
    on_trial: Candidate | None,
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
    return Generations(
        policy,
        live,
        source,
        Guard(kept, config.guard_share, timeout, lists),
        _record(writer),
        check=_check(settings, catalog, redactor),
        confirmed=folder / CONFIRMED if folder else None,
        shadow=(lambda _: on_trial.engine) if on_trial else ruling.rules_on_trial,
        with_opa=decides.theirs if isinstance(decides, Both) else None,
    )


def _check(settings: Settings, catalog: Catalog, redactor: Redactor) -> Callable[[Bundle], None]:
    """What a newer policy must pass besides: what it asks of redaction, and warnings."""

    def check(bundle: Bundle) -> None:
        has_pseudonyms = bundle.names("pseudonym")
        redaction.tried(redactor, settings.redaction, has_pseudonyms=has_pseudonyms)
        warn(catalog, bundle)
        warn_unguarded(bundle)

    return check


def _record(writer: audit.Writer) -> Record:
    async def record(what: str, said: dict[str, Any]) -> None:
        event = Event(audit.event_id(), "lifecycle", data={"what": what, **said})
        await writer.record(event, is_synced=True)

    return record


def warn(catalog: Catalog, *bundles: Bundle | None) -> None:
    """Log that a policy is slow, and what a site's rules name and the catalog has not."""
    for problem in (problem for bundle in bundles if bundle for problem in bundle.slow):
        _log.error("the policy is slow", what=str(problem))
    for name in unknown_names(catalog, *bundles):
        _log.warning("a rule names what the catalog has not", what=name)


def warn_unguarded(bundle: Bundle) -> None:
    """Log which of the library's rules are in shadow, lest they be taken for a protection."""
    if names := unguarded(bundle):
        _log.warning("rules of the library are in shadow and refuse or mask nothing", rules=names)
