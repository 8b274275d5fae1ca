"""`sidecar gladly`: the built-in backend and the simulator of Gladly's REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

gladly = typer.Typer(
    help="An MCP server over Gladly's REST API, and a simulator of that API.", no_args_is_help=True
)


def _url(text: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise typer.BadParameter("write https://ORG.gladly.com")
    return text


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
) -> None:
    """Play Gladly's REST API on this machine, with made-up customers."""
    from sidecar import log, redaction, settings
    from sidecar.gladly.serve import run_simulator

    log.configure("warning", "console", redaction.scrub)
    credential = (email, settings.secret(token_file))
    run_simulator(host, port, credential=credential, rate=rate, announce=_announce)


@gladly.command()
def serve(
    url: Annotated[
        str,
        typer.Option(help="Base URL of Gladly, https://ORG.gladly.com.", callback=_url),
    ],
    email: Annotated[str, typer.Option(help="E-mail address of the API user.")],
    token_file: Annotated[Path, typer.Option(help="File with the API token.")],
    bearer_file: Annotated[
        Path | None, typer.Option(help="File with the bearer token that only the sidecar has.")
    ] = None,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8090,
) -> None:
    """Serve the catalog's tools as an MCP server over Gladly's REST API."""
    from sidecar import catalog, log, redaction, settings
    from sidecar.gladly.serve import run_backend

    log.configure("warning", "console", redaction.scrub)
    run_backend(
        host,
        port,
        gladly_url=url,
        email=email,
        token_file=token_file,
        catalog=catalog.load([settings.shipped("tool_catalog")]),
        bearer_file=bearer_file,
        announce=_announce,
    )


def _announce(url: str) -> None:
    print(f"listening on {url}", flush=True)
