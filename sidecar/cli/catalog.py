"""`sidecar catalog`: what is known of the tools, and what was reviewed of them."""

from __future__ import annotations

import asyncio
import difflib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from sidecar.cli.options import AUTHORITIES, ConfigFile, absolute_url
from sidecar.shown import listed, shown

if TYPE_CHECKING:
    from sidecar.catalog import Catalog, Pins
    from sidecar.model import JsonObject
    from sidecar.upstream import Backend

_PATIENCE = 60.0
"""Seconds that a backend without settings has for its list of tools."""

catalog = typer.Typer(
    help="The catalog of tools, and the pins of what was reviewed.", no_args_is_help=True
)


@catalog.command("list")
def list_tools(config: ConfigFile = None) -> None:
    """Print the tools that the catalog knows, as a Markdown table."""
    from sidecar import catalog as organ

    print(organ.table(_known(config)))


@catalog.command()
def show(
    name: Annotated[str, typer.Argument(help="A tool's name, or another name of it.")],
    config: ConfigFile = None,
) -> None:
    """Print everything that the catalog says of one tool."""
    from sidecar.catalog import words
    from sidecar.errors import SidecarError

    known = _known(config)
    rows = [row for row in known.rows if name in {row.tool.name, *row.aliases}]
    if not rows:
        raise SidecarError(f"no tool is called {name}: see `sidecar catalog list`")
    print(words(rows[0]), end="")


@catalog.command()
def check(
    folder: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of your own rows, read after the library's."),
    ] = None,
) -> None:
    """Check rows of the catalog; every problem is told with its file and line."""
    from sidecar import catalog as organ
    from sidecar import settings

    found = organ.load([settings.shipped("tool_catalog"), *(folder or [])])
    print(f"catalog: ok, {len(found)} tools, sha256 {found.sha256[:12]}")


@catalog.command("import")
def import_tools(
    url: Annotated[str, typer.Argument(help="An MCP server's URL.", callback=absolute_url)],
    bearer_file: Annotated[
        Path | None, typer.Option(help="File with the bearer token that it wants.")
    ] = None,
    ca_file: Annotated[Path | None, AUTHORITIES] = None,
    file: Annotated[
        Path | None, typer.Option(help="Where to write the rows; else printed.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Read a backend's tools, and propose rows for those that the catalog does not know.

    What a proposed tool does is for a person to write down: until then it counts as destructive.
    """
    from sidecar import catalog as organ
    from sidecar import settings, upstream

    bearer = f"Bearer {settings.secret(bearer_file)}" if bearer_file else None
    context = upstream.tls(str(ca_file) if ca_file else None, None, None)
    client = upstream.Backend(upstream.Target(url, authorization=bearer), context)
    made = organ.propose(_known(config), asyncio.run(_read(client, _PATIENCE)))
    print(f"known already: {len(made.known)}", file=sys.stderr)
    for word, names in (
        ("like an operation of Gladly's", made.alike),
        ("new", made.new),
        ("with a name that no catalog can hold", made.unusable),
    ):
        print(f"{word}: {len(names)} {listed(names)}".rstrip(), file=sys.stderr)
    if file is not None and made.text:
        file.write_text(made.text, encoding="utf-8")
        print(f"wrote {file}: review each row, then name its folder in catalog.folders")
    elif made.text:
        print(made.text, end="")


def _known(config: Path | None) -> Catalog:
    from sidecar import app, settings
    from sidecar import catalog as organ

    if config:
        return app.check(settings.load(config)).catalog
    return organ.load([settings.shipped("tool_catalog")])


@catalog.command()
def pin(
    config: ConfigFile = None,
    file: Annotated[
        Path | None, typer.Option(help="The file of pins; else catalog.pins_file.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept what is shown, and write the file.")
    ] = False,
    is_whole: Annotated[
        bool,
        typer.Option("--all", help="Print every line of new tools, too, not only their names."),
    ] = False,
) -> None:
    """Show how the backend's tools differ from what was reviewed; exit 1 if they do.

    With --accept the backend's list, as it is now, becomes what was reviewed: the lists of all
    accounts together. A tool that two of them show in different forms stays refused.
    """
    from sidecar import app, settings
    from sidecar.catalog import Pins

    loaded = settings.load(config)
    target = file or loaded.catalog.pins_file
    if target is None:
        raise typer.BadParameter("name a file, or set catalog.pins_file", param_hint="--file")
    if accept:
        _check_target(target)
    before = Pins.read(target) if target.exists() else Pins({})
    patience = loaded.backend.reply_timeout
    clients = app.backends(loaded).items()
    lists = [_listed(account, client, patience) for account, client in clients]
    now = Pins.of(entry for entries in lists for entry in entries)
    differences = [*_disputed(lists), *_differences(before, now, is_whole=is_whole)]
    print("\n".join(differences) if differences else "nothing has changed since the review")
    if accept:
        now.write(target)
        print(f"accepted {len(now.tools)} tools: wrote {target}")
    elif differences:
        print("look at each change; then accept them with --accept")
        raise typer.Exit(1)


def _listed(account: str, backend: Backend, patience: float) -> list[JsonObject]:
    """An account's list; whose cannot be read is told, since one alone would pin too little."""
    from sidecar.errors import Refusal, SidecarError

    try:
        return asyncio.run(_read(backend, patience))
    except Refusal as refusal:
        raise SidecarError(f"account {account or 'default'}: {refusal}") from None


async def _read(backend: Backend, patience: float) -> list[JsonObject]:
    from sidecar import pipeline

    async with backend as client:
        return await pipeline.read(client, patience)


def _disputed(lists: list[list[JsonObject]]) -> Iterator[str]:
    """The tools that are listed in several forms, by one account or by two."""
    from sidecar.catalog import fingerprint

    forms = {(str(entry["name"]), fingerprint(entry)) for entries in lists for entry in entries}
    counts = Counter(name for name, _ in forms)
    for name in sorted(name for name, count in counts.items() if count > 1):
        yield f"in several forms, and refused whatever is accepted: {shown(name)}"


def _check_target(target: Path) -> None:
    """Refuse a place that cannot be written before anybody reads what would be accepted."""
    from sidecar.errors import ConfigError, Problem

    what = ""
    if target.is_dir():
        what = "is a folder"
    elif not target.parent.is_dir():
        what = "cannot be written: its folder does not exist"
    elif not os.access(target if target.exists() else target.parent, os.W_OK):
        what = "cannot be written: no right to"
    if what:
        raise ConfigError([Problem(str(target), what, "name another --file")])


def _differences(before: Pins, now: Pins, *, is_whole: bool) -> Iterator[str]:
    """Each tool that is new, gone or changed, with the lines that differ.

    Of a new tool every line differs: its name alone is given unless the whole is asked for.
    """
    added = 0
    for name in sorted({*before.tools, *now.tools}):
        old, new = _lines(before.tools.get(name)), _lines(now.tools.get(name))
        if old == new:
            continue
        added += not old
        word = "new" if not old else "gone" if not new else "changed"
        yield f"{word}: {shown(name)}"
        if old or is_whole:
            # Whole, since somebody reviews it; an invisible character shows as its escape.
            changes = list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]
            yield from (shown(line, len(line)) for line in changes)
    if added and not is_whole:
        yield f"{added} new; --all prints what each of them says"


def _lines(tool: JsonObject | None) -> list[str]:
    if tool is None:
        return []
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    return orjson.dumps(tool, option=option).decode().splitlines()
