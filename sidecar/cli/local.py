"""The commands for one person on one machine: `up`, `stdio`, `connect` and `doctor`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING, Annotated

import typer

from sidecar.cli.options import AUTHORITIES, ConfigFile, absolute_url, safe_url
from sidecar.shown import shown

if TYPE_CHECKING:
    from sidecar.local.folder import Folder, Gladly

FolderOption = Annotated[
    Path | None,
    typer.Option(help="Where secrets, settings and the audit log are kept.", file_okay=False),
]

BearerFile = Annotated[
    Path | None, typer.Option(help="File with the bearer token that the endpoint wants.")
]

_LONGEST = 2000
"""Characters of one line that the doctor says."""


def up(
    org: Annotated[str, typer.Option(help="The NAME of https://NAME.gladly.com.")] = "",
    email: Annotated[str, typer.Option(help="E-mail address of the API user.")] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File with its API token; else you are asked for it.")
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="A simulated Gladly instead; needs no account.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(help="Base URL instead of --org, such as a sandbox's.", callback=safe_url),
    ] = None,
    ca_file: Annotated[Path | None, AUTHORITIES] = None,
    folder: FolderOption = None,
    port: Annotated[int, typer.Option(help="Port for clients.", min=1, max=65535)] = 8080,
) -> None:
    """Connect an AI client to Gladly in one step: read-only, masked, recorded."""
    from sidecar.local import up as program

    if not fullmatch("[A-Za-z0-9-]*", org):
        raise typer.BadParameter("write NAME alone, of https://NAME.gladly.com", param_hint="--org")
    base = url or (f"https://{org}.gladly.com" if org else "")
    if not simulate and not (base and email):
        raise typer.BadParameter("name --org and --email, or try --simulate", param_hint="--org")
    kept = _folder(folder, "simulated" if simulate else org or "gladly")
    kept.keep_gladly(
        None if simulate else _gladly(kept, base, email, token_file, ca_file),
    )
    asyncio.run(program.up(kept, port, _say))


def stdio(
    folder: FolderOption = None,
    config: ConfigFile = None,
    endpoint: Annotated[str, typer.Option(help="The endpoint's name, if there are several.")] = "",
    bearer_file: BearerFile = None,
) -> None:
    """Serve one client on standard input and output, for clients that start programs.

    With --folder as `sidecar up` made it, Gladly's backend is started too; with --config the
    settings say where the backend is.
    """
    from sidecar import dumps, log, redaction, settings
    from sidecar import stdio as program
    from sidecar.local import Folder

    dumps.forbid()
    log.configure("warning", "console", redaction.scrub)
    if (folder is None) == (config is None):
        raise typer.BadParameter("name one of --folder and --config", param_hint="--folder")
    bearer = settings.secret(bearer_file) if bearer_file else ""
    kept = Folder.made(folder) if folder else None
    asyncio.run(program.serve(program.Source(kept, config, endpoint, bearer)))


def connect(
    url: Annotated[
        str,
        typer.Option(help="The endpoint's URL.", callback=absolute_url),
    ],
    bearer_file: BearerFile = None,
    client: Annotated[
        str, typer.Option(help="Only this one: claude-code, claude-desktop, cursor, …")
    ] = "",
) -> None:
    """Print configuration of AI clients for an endpoint, ready to paste.

    A bearer token is printed in full: it is a credential.
    """
    from sidecar import settings
    from sidecar.local.connect import CLIENTS, Target, instructions

    if client and client not in CLIENTS:
        raise typer.BadParameter(f"one of {', '.join(CLIENTS)}", param_hint="--client")
    bearer = settings.secret(bearer_file) if bearer_file else ""
    print(instructions(Target(url, bearer), client))


def doctor(
    config: ConfigFile = None,
    url: Annotated[
        str | None,
        typer.Option(help="An endpoint's URL, to try it as a client does.", callback=absolute_url),
    ] = None,
    bearer_file: BearerFile = None,
) -> None:
    """Look at a running sidecar and all around it, and say what is wrong and what to do."""
    from sidecar import log, redaction, settings

    log.configure("error", "console", redaction.scrub)
    bearer = settings.secret(bearer_file) if bearer_file else ""
    if asyncio.run(_examine(config, url or "", bearer)):
        raise typer.Exit(1)


async def _examine(config: Path | None, url: str, bearer: str) -> bool:
    """Print each finding as it comes; whether there is a problem."""
    from sidecar.local.doctor import examine

    has_problem = False
    async for finding in examine(config, url, bearer):
        has_problem = has_problem or finding.level == "problem"
        _say(f"{finding.level:<8} {shown(finding.what, _LONGEST)}")
        if finding.remedy and finding.level != "ok":
            _say(f"{'':<8}   do: {shown(finding.remedy, _LONGEST)}")
    _say("\nnothing is wrong" if not has_problem else "\nthere is something to mend; see above")
    return has_problem


def _folder(path: Path | None, name: str) -> Folder:
    from sidecar.local import Folder

    return Folder(path or Path.home() / ".gladly-mcp-sidecar" / name, is_taken=True)


def _gladly(
    folder: Folder, url: str, email: str, token_file: Path | None, ca_file: Path | None
) -> Gladly:
    """Whose Gladly: the token from its file, the one kept for it, or typed in now and kept."""
    from sidecar.local.folder import Gladly

    if token_file is None and not folder.has_token_for(url, email):
        token = typer.prompt(f"Gladly API token of {email} at {url}", hide_input=True).strip()
        folder.keep_gladly(None)  # the new token is not for whom the old one was
        folder.keep_token(token)
        _say(f"Kept in {folder.gladly_token}, readable by you alone; delete it to forget it.")
    file = token_file.absolute() if token_file else folder.gladly_token
    return Gladly(url, email, file, ca_file.absolute() if ca_file else None)


def _say(text: str) -> None:
    print(text, flush=True)
