"""`sidecar audit`: read the trail. Nothing here needs the sidecar to run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

audit = typer.Typer(
    help="The audit log: verify it, report on it, look one up.", no_args_is_help=True
)

Log = Annotated[Path, typer.Argument(help="The log file, or the folder that holds it.")]


@audit.command()
def verify(
    log: Log,
    anchor: Annotated[
        str | None, typer.Option(help="SEQ:HASH noted earlier; finds a cut tail as well.")
    ] = None,
) -> None:
    """Check the whole chain offline; exit 1 and the first bad line if it does not hold."""
    from sidecar.audit import integrity
    from sidecar.audit import verify as check

    found = check(_file(log), anchor=anchor)
    print(integrity(found).text())
    raise typer.Exit(0 if found.is_valid else 1)


@audit.command()
def report(
    log: Log,
    since: Annotated[datetime | None, typer.Option(help="From this time on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Up to this time, UTC.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of text.")] = False,
) -> None:
    """Who called what, what was refused and why, whose data was seen, and whether the log holds."""
    from sidecar.audit import report as make

    made = make(_file(log), since=_utc(since), until=_utc(until))
    print(made.markdown() if markdown else made.text())


@audit.command()
def show(
    log: Log,
    event_id: Annotated[str, typer.Argument(help="The id a refusal carried, or one of a report.")],
) -> None:
    """Print the records of one exchange: what was decided, by which rules, and how it ended."""
    from sidecar.audit import show as find

    found = find(_file(log), event_id)
    for record in found:
        print(orjson.dumps(record, option=orjson.OPT_INDENT_2).decode())
    if not found:
        print(f"no event {event_id} in {_file(log)}")
        raise typer.Exit(1)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None


def _file(log: Path) -> Path:
    return log / "audit.jsonl" if log.is_dir() else log
