"""`sidecar policy explain`, `matrix`, `diff`, `replay`: what a policy does, before it does it."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from sidecar.cli.audit_review import Since, Until, recorded
from sidecar.cli.options import ConfigFile
from sidecar.cli.progress import Progress
from sidecar.shown import as_json

if TYPE_CHECKING:
    from sidecar.catalog import Catalog
    from sidecar.policy import Bundle
    from sidecar.policy.comparing.matrix import Asker
    from sidecar.settings import Settings

Site = Annotated[
    Path | None,
    typer.Option(
        "--policies",
        help="A site's folder, or a whole one with a main of its own; else as --config says.",
    ),
]
Callers = Annotated[
    Path | None, typer.Option(help="YAML list of callers: name, caller, endpoint.", dir_okay=False)
]


def explain(
    request: Annotated[
        str,
        typer.Argument(help="A JSON file with tool, arguments, caller, endpoint; - for stdin."),
    ] = "-",
    log: Annotated[
        Path | None, typer.Option(help="An audit log: then REQUEST is an event's id in it.")
    ] = None,
    policies: Site = None,
    config: ConfigFile = None,
) -> None:
    """Say what every rule makes of one request, and why the whole is allowed or refused.

    Exit 0 whatever the verdict.
    """
    from sidecar.review import asking, explained

    settings, catalog = _known(config)
    bundle = _bundle(policies, settings)
    if log is not None:
        recorded(log, "explain", id=request)
        question = asking.of_event(log, request)
    else:
        text = sys.stdin.buffer.read() if request == "-" else Path(request).read_bytes()
        where = "stdin" if request == "-" else request
        question = asking.of_request(text, where, catalog)
    print(asyncio.run(explained.explained(bundle, question)))


def matrix(
    callers: Callers = None,
    form: Annotated[
        Literal["text", "markdown", "csv", "html"], typer.Option("--as", help="The form.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, instead of the screen.")
    ] = None,
    policies: Site = None,
    config: ConfigFile = None,
) -> None:
    """Show which caller may call which tool, and what is masked for whom.

    Without --callers: each endpoint of --config, or a wide and a narrow one, without a role and
    with each that the policies name. Rules that judge arguments are not asked.
    """
    from sidecar.policy import Embedded, Policy
    from sidecar.policy.comparing.matrix import grid
    from sidecar.policy.comparing.replaying import TIMEOUT
    from sidecar.review import tables

    settings, catalog = _known(config)
    bundle = _bundle(policies, settings)
    askers = _askers(callers, settings, bundle)
    tools = [row.tool for row in catalog.rows]
    policy = Policy(Embedded(bundle), TIMEOUT)
    made = tables.table(asyncio.run(grid(policy, askers, tools, datetime.now(UTC))), form)
    if output is None:
        print(made, end="")
    else:
        output.write_text(made, encoding="utf-8", newline="")
        print(f"wrote {output}")


def diff(
    old: Annotated[Path, typer.Argument(help="A site's folder, a whole one, or `library`.")],
    new: Annotated[Path, typer.Argument(help="The same.")],
    callers: Callers = None,
    is_whole: Annotated[bool, typer.Option("--all", help="Name every tool and caller.")] = False,
    config: ConfigFile = None,
) -> None:
    """Compare two policies over the catalog: what becomes allowed, refused, or masked differently.

    Every tool and every example is asked for by callers as `matrix` has them. Exit 1 if anything
    turns.
    """
    from sidecar.review import differing, folders

    settings, catalog = _known(config)
    before, after = folders.bundle(old), folders.bundle(new)
    askers = _askers(callers, settings, before, after)
    progress = Progress("comparing")
    now = datetime.now(UTC)
    found = asyncio.run(differing.differences(before, after, catalog, askers, now, progress))
    progress.end()
    print(found.text(_ALL if is_whole else 20))
    raise typer.Exit(1 if found.turned else 0)


_ALL: Final = 1 << 20


def replay(
    log: Annotated[Path, typer.Argument(help="The log file, or the folder that holds it.")],
    against: Annotated[
        Path,
        typer.Option(help="The policies to judge by: a site's folder, a whole one, `library`."),
    ],
    was: Annotated[
        Path | None,
        typer.Option("--from", help="The policies that decided then: masks are compared exactly."),
    ] = None,
    since: Since = None,
    until: Until = None,
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 for what is undecidable, too.")
    ] = False,
    is_whole: Annotated[bool, typer.Option("--all", help="Name every event.")] = False,
    is_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Judge recorded decisions again: which calls would be refused, allowed, or masked differently.

    What the log withholds cannot be judged: a call is undecidable if a rule reads that. Exit 1 if
    a call turns.
    """
    from sidecar.review import folders, replayed

    new, old = folders.bundle(against), folders.bundle(was) if was else None
    recorded(log, "replay", since=since, until=until)
    progress = Progress("replaying")
    made = asyncio.run(replayed.replay(log, new, old, since, until, progress))
    progress.end()
    print(as_json(made.document(), 2) if is_json else made.text(_ALL if is_whole else 5))
    is_open = is_strict and (made.counts["undecidable"] or made.counts["unread"])
    raise typer.Exit(1 if made.has_turned or is_open else 0)


COMMANDS: Final[tuple[Any, ...]] = (explain, matrix, diff, replay)
"""What `sidecar policy` takes from here."""


def _known(config: Path | None) -> tuple[Settings | None, Catalog]:
    from sidecar import catalog, settings

    loaded = settings.load(config) if config else None
    folders = loaded.catalog.folders if loaded else ()
    return loaded, catalog.load([settings.shipped("tool_catalog"), *folders])


def _bundle(policies: Path | None, settings: Settings | None) -> Bundle:
    from sidecar.review import folders

    folder = settings.policy.site_folder if settings and policies is None else policies
    return folders.bundle(folder)


def _askers(callers: Path | None, settings: Settings | None, *bundles: Bundle) -> tuple[Asker, ...]:
    from sidecar.review import askers

    if callers is not None:
        return askers.named(callers)
    if settings is not None and settings.endpoints:
        return askers.of_settings(settings, *bundles)
    return askers.everyone(*bundles)
