"""`sidecar audit`: read the trail. Nothing here needs the sidecar to run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli import audit_hash, audit_reconcile, audit_review, audit_unship

audit = typer.Typer(
    help="The audit log: verify it, report on it, look one up.", no_args_is_help=True
)
for command in audit_review.COMMANDS:
    audit.command()(command)
audit.command()(audit_reconcile.reconcile)
audit.command("hash")(audit_hash.hash_value)
audit.command()(audit_unship.unship)


@audit.command()
def verify(
    log: Annotated[
        Path, typer.Argument(help="The folder, a file of it, or a shipped stream; - for stdin.")
    ],
    key: Annotated[
        list[Path] | None,
        typer.Option(help="Public key whose signatures count; again for each of several."),
    ] = None,
    anchor: Annotated[
        str | None,
        typer.Option(help="SEQ:HASH, or a file of collected `audit anchor` lines."),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(help="Instances that must be in a stream: a,b,c or @FILE."),
    ] = None,
    is_stream: Annotated[
        bool, typer.Option("--stream", help="Read a file as a shipped stream in any case.")
    ] = False,
) -> None:
    """Check logs offline: what does not hold, and who vouches for the rest, up to when.

    Without --key the `audit.pub` beside the log counts, if there is one. Exit 1 if a log does not
    hold, or an expected one is missing.
    """
    from sidecar.cli import verifying

    anchors = verifying.text_of(anchor) if anchor is not None else None
    if verifying.is_shipped(log, is_asked=is_stream or expect is not None):
        holds = verifying.stream(log, key or [], anchors, verifying.names_of(expect))
    else:
        holds = verifying.log(log, key or [], anchors)
    raise typer.Exit(0 if holds else 1)


@audit.command()
def schema() -> None:
    """Print the JSON Schema of one line of the log."""
    from importlib.resources import files

    print(files("sidecar.audit").joinpath("event.schema.json").read_text(), end="")
