"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="YAML file of settings; SIDECAR_… variables override it."),
]

EXPIRY = typer.Option(help="When it ends, in UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])

AUTHORITIES = typer.Option(help="PEM file with the authorities to trust instead of the system's.")


def absolute_url(text: str | None) -> str | None:
    """Let an absolute http or https URL with a host pass."""
    from urllib.parse import urlsplit

    if text is None:
        return None
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise typer.BadParameter("write an absolute http or https URL")
    return text


def safe_url(text: str | None) -> str | None:
    """Let an absolute URL pass on whose way nobody reads a credential."""
    import ipaddress
    from urllib.parse import urlsplit

    if absolute_url(text) is None or text is None:
        return None
    parts = urlsplit(text)
    host = parts.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    if parts.scheme != "https" and not is_here:
        raise typer.BadParameter("write an https URL; http is for this machine alone")
    return text
