"""`sidecar token` and `sidecar endpoint`: make what callers present."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecar.cli.options import EXPIRY
from sidecar.errors import ConfigError, Problem

token = typer.Typer(help="Bearer tokens for development.", no_args_is_help=True)
endpoint = typer.Typer(help="Endpoints: URLs with a scope sealed into them.", no_args_is_help=True)


@token.command("new")
def new_token(
    secret_file: Annotated[Path, typer.Option(help="The file of the issuer's hs256_secret_file.")],
    issuer: Annotated[str, typer.Option(help="The issuer's name in the settings.")],
    audience: Annotated[str, typer.Option(help="bearer.audience of the settings.")],
    subject: Annotated[str, typer.Option(help="Who the token is for.")] = "developer",
    role: Annotated[list[str] | None, typer.Option(help="A role; repeat for more.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope; repeat for more.")] = None,
    ttl: Annotated[int, typer.Option(help="Seconds until it expires.", min=1)] = 3600,
) -> None:
    """Print a bearer token signed with a shared secret, for development."""
    from sidecar import identity, settings

    try:
        made = identity.issue(
            settings.secret(secret_file),
            issuer=issuer,
            audience=audience,
            subject=subject,
            ttl_s=ttl,
            roles=tuple(role or ()),
            claims={"scope": " ".join(scope)} if scope else {},
        )
    except ConfigError as error:
        named = (
            replace(p, where=str(secret_file)) if p.where == "secret" else p for p in error.problems
        )
        raise ConfigError([*named]) from None
    print(made)


@token.command("secret")
def new_secret(
    file: Annotated[Path, typer.Argument(help="The file to create; an existing one is kept.")],
) -> None:
    """Create a file with a new secret, 256 random bits, that only you can read.

    It can sign development tokens (hs256_secret_file), key endpoints' hashes (endpoint_key_file),
    or be the token of an endpoint (token_file).
    """
    import os
    import secrets

    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:
        raise ConfigError([Problem(str(file), "exists already", "name a new file")]) from None
    except OSError as error:
        raise ConfigError([Problem(str(file), f"cannot be made: {error.strerror}")]) from None
    print(f"wrote {file}")


@endpoint.command("new")
def new_endpoint(
    name: Annotated[str, typer.Argument(help="A name for logs and policies.")],
    key_file: Annotated[
        Path, typer.Option(help="The file of endpoint_key_file; `sidecar token secret` makes one.")
    ],
    method: Annotated[
        list[str] | None, typer.Option(help="read, write or an exact method; else read.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only tools with one of these tags.")
    ] = None,
    open_url: Annotated[
        bool, typer.Option("--no-token-auth", help="The URL alone opens it; no bearer token.")
    ] = False,
    expires_at: Annotated[datetime | None, EXPIRY] = None,
) -> None:
    """Make an endpoint: its path, once, on standard error; its YAML, a hash only, on output."""
    import yaml

    from sidecar import identity

    secret = identity.new_endpoint_token()
    entry = {
        "name": name,
        "token_hash": identity.endpoint_hash(secret, identity.endpoint_key(key_file)),
        "methods": method or ["read"],
        "tags": tag or [],
        "require_api_token_auth": not open_url,
    }
    if expires_at is not None:
        ends = expires_at.replace(tzinfo=UTC)
        if ends <= datetime.now(UTC):
            raise typer.BadParameter("that is over already", param_hint="--expires-at")
        entry["expires_at"] = ends.isoformat()
    _check(entry)
    for warning in _unknown_tags(tag or ()):
        print(f"warning: {warning}", file=sys.stderr)
    print(f"path, shown only now and kept nowhere: /mcp/{secret}", file=sys.stderr)
    print(yaml.safe_dump({"endpoints": [entry]}, sort_keys=False), end="")


def _unknown_tags(tags: Iterable[str]) -> Iterator[str]:
    """What is said of tags that no tool of the library bears; tools of one's own may."""
    from sidecar import catalog, settings
    from sidecar.policy.spelling import meant

    known = {
        tag
        for row in catalog.load([settings.shipped("tool_catalog")]).rows
        for tag in row.tool.tags
    }
    for tag in tags:
        if tag not in known:
            close = meant(tag, known)
            yield f"no tool of the library has the tag {tag}" + (f"; {close}" if close else "")


def _check(entry: dict[str, Any]) -> None:
    """Refuse what the settings would refuse, before anybody copies it there."""
    from pydantic import ValidationError

    from sidecar import settings

    try:
        settings.Endpoint.model_validate(entry)
    except ValidationError as error:
        raise ConfigError([*_problems(error)]) from None


def _problems(error: Any) -> Iterator[Problem]:
    for one in error.errors():
        where = ".".join(str(part) for part in one["loc"])
        for fault in one.get("ctx", {}).get("faults", ()):
            yield Problem(where, fault.what, fault.remedy)
        if "faults" not in one.get("ctx", {}):
            yield Problem(where, one["msg"].replace("String should", "must"))
