"""`sidecar gladly`: the built-in backend and the simulator of Gladly's REST API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli.options import AUTHORITIES, EXPIRY, absolute_url

gladly = typer.Typer(
    help="An MCP server over Gladly's REST API, and a simulator of that API.", no_args_is_help=True
)


Host = Annotated[str, typer.Option(help="Address to listen on.")]


@gladly.command()
def simulate(
    token_file: Annotated[
        Path, typer.Option(help="File with the API token that callers must use.")
    ],
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8091,
    email: Annotated[str, typer.Option(help="User name of the API user.")] = "api@example.com",
    rate: Annotated[int, typer.Option(help="Requests a second for each HTTP method.", min=1)] = 10,
    reports_per_minute: Annotated[int, typer.Option(help="Reports a minute, besides.", min=1)] = 10,
    no_retry_after: Annotated[
        bool, typer.Option("--no-retry-after", help="Leave Retry-After out of a 429.")
    ] = False,
    no_compliance_admin: Annotated[
        bool, typer.Option("--no-compliance-admin", help="Refuse to delete customers: 403.")
    ] = False,
    latency_ms: Annotated[int, typer.Option(help="Milliseconds that an answer takes.", min=0)] = 0,
    seed: Annotated[
        str, typer.Option(help="Another word gives other ids, and the same word the same ids.")
    ] = "sample-store",
) -> None:
    """Play Gladly's REST API on this machine, with made-up customers."""
    from sidecar import log, redaction, settings
    from sidecar.gladly.serve import run_simulator
    from sidecar.gladly.simulator import World

    log.configure("warning", "console", redaction.scrub)
    run_simulator(
        host,
        port,
        credential=(email, settings.secret(token_file)),
        world=World(seed, is_compliance_admin=not no_compliance_admin),
        rate=rate,
        reports_per_minute=reports_per_minute,
        has_retry_after=not no_retry_after,
        latency=latency_ms / 1000,
        announce=_announce,
    )


@gladly.command()
def serve(
    url: Annotated[
        str,
        typer.Option(help="Base URL of Gladly, https://ORG.gladly.com.", callback=absolute_url),
    ],
    email: Annotated[str, typer.Option(help="E-mail address of the API user.")],
    token_file: Annotated[Path, typer.Option(help="File with the API token.")],
    bearer_file: Annotated[
        Path | None, typer.Option(help="File with the bearer token that only the sidecar has.")
    ] = None,
    ca_file: Annotated[Path | None, AUTHORITIES] = None,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8090,
    method: Annotated[
        list[str] | None, typer.Option(help="Only read, write or an exact method; repeat for more.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only tools with one of these tags; repeat for more.")
    ] = None,
    expires_at: Annotated[datetime | None, EXPIRY] = None,
    request_log: Annotated[
        Path | None,
        typer.Option(help="File that each request is noted in, for `sidecar audit reconcile`."),
    ] = None,
) -> None:
    """Serve the catalog's tools as an MCP server over Gladly's REST API."""
    from sidecar import catalog, dumps, log, redaction, settings
    from sidecar.gladly.backend import Scope
    from sidecar.gladly.serve import run_backend

    dumps.forbid()
    scope = Scope(
        methods=_methods(method or ()),
        tags=frozenset(tag or ()),
        expires_at=expires_at.replace(tzinfo=UTC) if expires_at else None,
    )
    log.configure("warning", "console", redaction.scrub)
    run_backend(
        host,
        port,
        gladly_url=url,
        email=email,
        token_file=token_file,
        catalog=catalog.load([settings.shipped("tool_catalog")]),
        bearer_file=bearer_file,
        ca_file=ca_file,
        scope=scope,
        request_log=request_log,
        announce=_announce,
    )


def _methods(names: Iterable[str]) -> frozenset[str]:
    """Exact methods; `read` and `write` stand for several."""
    from typing import get_args

    from sidecar.model import METHOD_GROUPS, Method

    known = (*get_args(Method), *METHOD_GROUPS)
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"write one of {', '.join(known)}", param_hint="--method")
    return frozenset().union(*(METHOD_GROUPS.get(name, frozenset({name})) for name in names))


def _announce(url: str) -> None:
    print(f"listening on {url}", flush=True)
