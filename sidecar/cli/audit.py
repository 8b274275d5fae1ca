"""`sidecar audit`: read the trail. Nothing here needs the sidecar to run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from sidecar.cli import audit_hash

audit = typer.Typer(
    help="The audit log: verify it, report on it, look one up.", no_args_is_help=True
)

audit.command("hash")(audit_hash.hash_value)

_ELSEWHERE = """\
Give the whole id, as a refusal carries it in "gladly-mcp-sidecar/event".
Try the log of another instance, or an older one that was set aside.
Of a flood of the same refusal of strangers only the first has its id in the log;
the rest are counted: see `sidecar audit report`."""
"""What to do about an id that a log does not have."""

_TIMES = "2026-11-22 or 2026-11-22T12:00:00Z"


def _moment(text: str) -> datetime:
    """Read a day or a time of ISO 8601; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time; write {_TIMES}") from None


def _time(which: str) -> Any:
    """Make the option; typer itself declares options as Any."""
    return typer.Option(parser=_moment, metavar="TIME", help=f"{which}, UTC, as {_TIMES}.")


Log = Annotated[Path, typer.Argument(help="The log file, or the folder that holds it.")]


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
def report(
    log: Log,
    since: Annotated[datetime | None, _time("From this time on")] = None,
    until: Annotated[datetime | None, _time("Up to this time")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of text.")] = False,
    is_whole: Annotated[
        bool, typer.Option("--all", help="Name each hidden tool instead of counting them.")
    ] = False,
) -> None:
    """Who called what, what was refused and why, whose data was seen, and whether the log holds.

    Exit 1 if it does not hold; the report is printed all the same.
    """
    from sidecar.audit import report as make

    made = make(_file(log), since=since, until=until, is_whole=is_whole)
    print(made.markdown() if markdown else made.text())
    raise typer.Exit(0 if made.verification.is_valid else 1)


@audit.command()
def show(
    log: Log,
    event_id: Annotated[
        str, typer.Argument(help="The id that a refusal carried, or of a report's Denials.")
    ],
) -> None:
    """Print the records of one exchange: what was decided, by which rules, and how it ended."""
    from sidecar.audit import show as find

    found = find(_file(log), event_id)
    for record in found:
        print(orjson.dumps(record, option=orjson.OPT_INDENT_2).decode())
    if not found:
        print(f"no event {event_id} in {_file(log)}\n{_ELSEWHERE}")
        raise typer.Exit(1)


@audit.command()
def schema() -> None:
    """Print the JSON Schema of one line of the log."""
    from importlib.resources import files

    print(files("sidecar.audit").joinpath("event.schema.json").read_text(), end="")


def _file(log: Path) -> Path:
    return log / "audit.jsonl" if log.is_dir() else log
