"""`sidecar audit report`, `query`, `tail` and `show`: what a reviewer asks of a log.

Each look is recorded beside the log where that can be written; where it cannot, it is said.
"""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import orjson
import typer

from sidecar.cli.progress import Progress

if TYPE_CHECKING:
    from sidecar.audit import Report

_ELSEWHERE = """\
Give the whole id, as a refusal carries it in "gladly-mcp-sidecar/event".
Try the log of another instance, or an older one that was set aside.
Of a flood of the same refusal of strangers only the first has its id in the log;
the rest are counted: see `sidecar audit report`."""
"""What to do about an id that a log does not have."""

_TIMES = "2026-11-22 or 2026-11-22T12:00:00Z"
_POLL: Final = 0.3
"""Seconds between two looks at a log that is followed."""

Who = Literal["human", "agent", "workload"]
Verdict = Literal["allow", "mask", "deny", "error"]
Would = Literal["same", "deny", "allow", "mask", "failed"]


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
Since = Annotated[datetime | None, _time("From this time on")]
Until = Annotated[
    datetime | None,
    _time(
        "Before this time; a date means its first moment (for November: --since 2026-11-01 "
        "--until 2026-12-01)"
    ),
]


def _subject(text: str) -> str:
    """Take an id. An address or a number stands in no log, and is not repeated on the screen."""
    if re.search(r"@|\+\s*\(?[0-9]", text):
        what = "looks like an address or number; print its token with `sidecar audit hash` and look"
        raise typer.BadParameter(f"{what} for that")
    return text


def _id() -> Any:
    """Make the option, as `_time` does."""
    about = "Only about this id; merges, and what belongs to it, are followed."
    return typer.Option(parser=_subject, metavar="ID", help=about)


Subject = Annotated[str, _id()]


def report(
    log: Log,
    since: Since = None,
    until: Until = None,
    subject: Subject = "",
    by: Annotated[Who | None, typer.Option(help="Sum up by these alone.")] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(help="Public key whose signatures count; again for each of several."),
    ] = None,
    anchor: Annotated[
        str | None, typer.Option(help="SEQ:HASH, or a file of collected `audit anchor` lines.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one HTML file, with plots and filters.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write a sheet of calls to a .csv file, or every table to a folder."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write a JSON document.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of text.")] = False,
    is_whole: Annotated[
        bool, typer.Option("--all", help="Name each hidden tool instead of counting them.")
    ] = False,
) -> None:
    """Who called what, what was refused and why, whose data was seen, and whether the log holds.

    With --html, --csv or --json only the answer is printed. Exit 1 if the log does not hold.
    """
    from sidecar import audit
    from sidecar.cli import verifying

    _check_span(since, until)
    recorded(log, "report", since=since, until=until, subject=subject)
    noted = verifying.text_of(anchor) if anchor is not None else None
    asked = audit.Asked(since, until, subject, by or "", is_whole, noted, tuple(key or ()))
    progress = Progress("reading")
    made = audit.review(log, asked, progress, is_program=True)
    progress.end()
    if html or csv or json:
        _write(log, made, asked, html, csv, json)
    else:
        print(made.markdown() if markdown else made.text())
    raise typer.Exit(0 if made.verification.is_valid else 1)


def _check_span(since: datetime | None, until: datetime | None) -> None:
    """Refuse a span without a moment in it: its empty answer would be taken for one."""
    if since and until and since >= until:
        raise typer.BadParameter("--since has to be before --until; nothing can be in between")


def _write(
    log: Path, made: Report, asked: Any, html: Path | None, csv: Path | None, json: Path | None
) -> None:
    from sidecar.audit import Filter, query
    from sidecar.audit.reports import document, origin, page, sheets

    if html:
        source = origin.origin(log, made.verification, asked.anchor, asked.keys)
        html.write_text(page.page(made, source), "utf-8")
    if json:
        json.write_bytes(orjson.dumps(document.document(made), option=orjson.OPT_INDENT_2) + b"\n")
    if csv and csv.suffix == ".csv":
        span = Filter(since=asked.since, until=asked.until, subject=asked.subject)
        sheets.of_calls(query(log, span), csv)
    elif csv:
        sheets.of_tables(made.every_table(), csv)
    print(made.answer.table().text())
    for path in filter(None, (html, csv, json)):
        print(f"written: {path}")


def query(
    log: Log,
    since: Since = None,
    until: Until = None,
    actor: Annotated[str, typer.Option(help="Human, subject, client, endpoint, account.")] = "",
    tool: Annotated[str, typer.Option(help="Its name.")] = "",
    tag: Annotated[str, typer.Option(help="One of the tool's tags.")] = "",
    verdict: Annotated[Verdict | None, typer.Option(help="What policy said.")] = None,
    rule: Annotated[str, typer.Option(help="The code of a rule that took part.")] = "",
    entity: Annotated[str, typer.Option(help="A category of personal data, as EMAIL.")] = "",
    subject: Subject = "",
    policy: Annotated[str, typer.Option(help="The first digits of a policy's digest.")] = "",
    would: Annotated[
        Would | None, typer.Option(help="What the policy in shadow would have changed.")
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print each call as JSON.")] = False,
) -> None:
    """Print the calls that fit every filter, one a line, with the event's id for `show`."""
    from sidecar import audit
    from sidecar.audit import words
    from sidecar.shown import as_json, shown

    _check_span(since, until)
    asked = audit.Filter(
        since, until, actor, tool, tag, verdict or "", rule, entity, subject, policy, would or ""
    )
    recorded(log, "query", **asdict(asked))
    count = 0
    for call in audit.query(log, asked):
        count += 1
        if is_json:
            print(as_json(call._asdict()))
        else:
            print(shown(f"{call.ts[:19]}Z  {words.call(call)}", 600), f" [{shown(call.id)}]")
    print(f"{count} calls fit", file=sys.stderr)
    for sentence in audit.unknown(log, asked) if not count else ():
        print(sentence, file=sys.stderr)


def tail(
    log: Log,
    is_followed: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as events are written; Ctrl-C ends.")
    ] = False,
    count: Annotated[
        int, typer.Option("--lines", "-n", min=1, help="How many to begin with.")
    ] = 10,
) -> None:
    """Print the last events in words, one a line, and with -f each further one as it is written."""
    from sidecar import audit
    from sidecar.audit import words
    from sidecar.audit.chain import parse

    recorded(log, "tail")
    pause = threading.Event()

    def wait() -> bool:
        return is_followed and not pause.wait(_POLL)

    try:
        for raw in audit.follow(log, count, wait):
            record = parse(raw)
            print("a line that is no record" if record is None else words.line(record), flush=True)
    except KeyboardInterrupt:
        return


def show(
    log: Log,
    event_id: Annotated[
        str, typer.Argument(help="The id that a refusal carried, or of a report's Denials.")
    ],
) -> None:
    """Say in words what happened in one exchange, and print its records."""
    from sidecar import audit
    from sidecar.audit import words
    from sidecar.shown import as_json, shown

    recorded(log, "show", id=event_id)
    found = audit.show(log, event_id)
    if not found:
        print(f"no event {shown(event_id)} in {log}\n{_ELSEWHERE}")
        raise typer.Exit(1)
    for sentence in words.story(found):
        print(sentence)
    for record in found:
        print(as_json(record, 2))


def recorded(log: Path, command: str, **filters: object) -> None:
    """Record this look before anything is shown; say it if that cannot be done."""
    from sidecar import audit
    from sidecar.audit.reader import lines
    from sidecar.cli import verifying

    verifying.refuse_shipped(log)
    next(lines(log), b"")  # what cannot be read is not looked at
    asked = {name: str(value) for name, value in filters.items() if value}
    if why := audit.look(log, command, asked):
        print(f"sidecar: this look was not recorded: {why}", file=sys.stderr)


COMMANDS: Final = (report, query, tail, show)
"""What the group `audit` takes from here."""
