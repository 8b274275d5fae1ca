"""`sidecar endpoint list` and `revoke`: which endpoints there are, and how one ends early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sidecar.cli.options import ConfigFile
from sidecar.errors import ConfigError, Problem

if TYPE_CHECKING:
    from sidecar.identity import DenyList
    from sidecar.model import Endpoint
    from sidecar.settings import Settings

_HEAD = ("NAME", "ID", "ACCOUNT", "METHODS", "TAGS", "AUTH", "EXPIRES", "STATE")


def list_endpoints(config: ConfigFile = None) -> None:
    """List declared and provisioned endpoints, none of their tokens, and which are in force."""
    from sidecar import settings

    loaded = settings.load(config)
    denied, now = _denied(loaded), datetime.now(UTC)
    rows = [_HEAD, *(_row(one, denied, now) for one in _endpoints(loaded))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def revoke(
    endpoint: Annotated[
        str, typer.Argument(metavar="NAME_OR_ID", help="As `sidecar endpoint list` prints it.")
    ],
    config: ConfigFile = None,
) -> None:
    """Revoke an endpoint: from its next request on a running sidecar answers 404 there.

    A name revokes every endpoint of that name; an id only the one.
    """
    from sidecar import identity, settings

    loaded = settings.load(config)
    file = loaded.deny_file
    if file is None:
        remedy = "make an empty file, set deny_file to it, and restart the sidecar once"
        raise ConfigError([Problem("deny_file", "is not set, so nothing can be revoked", remedy)])
    if not any(endpoint in {one.name, one.id} for one in _endpoints(loaded)):
        remedy = "see: sidecar endpoint list"
        raise ConfigError([Problem("NAME_OR_ID", "is no endpoint of these settings", remedy)])
    is_new = identity.revoke(file, endpoint)
    print(f"{'revoked' if is_new else 'was revoked already'}: {endpoint} (in {file})")


def _endpoints(loaded: Settings) -> Iterator[Endpoint]:
    yield from (one.to_endpoint() for one in loaded.endpoints)
    if loaded.provisioning is not None:
        from sidecar import provisioning

        yield from (one.endpoint for one in provisioning.read(loaded.provisioning.store_file))


def _denied(loaded: Settings) -> DenyList:
    from sidecar import identity

    file: Path | None = loaded.deny_file
    return identity.read_deny_list(file) if file else identity.NOTHING_DENIED


def _row(one: Endpoint, denied: DenyList, now: datetime) -> tuple[str, ...]:
    from sidecar import settings

    return (
        one.name,
        one.id or "-",
        one.account or settings.DEFAULT_ACCOUNT,
        " ".join(one.methods) or "policy's default",
        " ".join(one.tags) or "all",
        "bearer" if one.require_api_token_auth else "URL alone",
        one.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if one.expires_at
        else "never",
        _state(one, denied, now),
    )


def _state(one: Endpoint, denied: DenyList, now: datetime) -> str:
    if denied.has_endpoint(one):
        return "revoked"
    return "expired" if one.expires_at is not None and now >= one.expires_at else "active"
