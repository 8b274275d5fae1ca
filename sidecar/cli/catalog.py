"""`sidecar catalog`: what is known of the tools, and what was reviewed of them."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from sidecar.cli.options import ConfigFile

if TYPE_CHECKING:
    from sidecar.catalog import Pins
    from sidecar.model import JsonObject
    from sidecar.settings import Settings

catalog = typer.Typer(
    help="The catalog of tools, and the pins of what was reviewed.", no_args_is_help=True
)


@catalog.command("list")
def list_tools(config: ConfigFile = None) -> None:
    """Print the tools that the catalog knows, as a Markdown table."""
    from sidecar import app, settings
    from sidecar import catalog as organ

    folders = [settings.shipped("tool_catalog")]
    known = app.check(settings.load(config)).catalog if config else organ.load(folders)
    print(organ.table(known))


@catalog.command()
def pin(
    config: ConfigFile = None,
    file: Annotated[
        Path | None, typer.Option(help="The file of pins; else catalog.pins_file.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept what is shown, and write the file.")
    ] = False,
) -> None:
    """Show how the backend's tools differ from what was reviewed; exit 1 if they do.

    With --accept the backend's list, as it is now, becomes what was reviewed.
    """
    from sidecar import settings
    from sidecar.catalog import Pins

    loaded = settings.load(config)
    target = file or loaded.catalog.pins_file
    if target is None:
        raise typer.BadParameter("name a file, or set catalog.pins_file", param_hint="--file")
    before = Pins.read(target) if target.exists() else Pins({})
    now = Pins.of(asyncio.run(_read(loaded)))
    shown = list(_differences(before, now))
    print("\n".join(shown) if shown else "nothing has changed since the review")
    if accept:
        now.write(target)
        print(f"accepted {len(now.tools)} tools: wrote {target}")
    elif shown:
        print("look at each change; then accept them with --accept")
        raise typer.Exit(1)


async def _read(loaded: Settings) -> list[JsonObject]:
    from sidecar import app, pipeline

    async with app.backend(loaded) as client:
        return await pipeline.read(client)


def _differences(before: Pins, now: Pins) -> Iterator[str]:
    """Each tool that is new, gone or changed, with the lines that differ."""
    for name in sorted({*before.tools, *now.tools}):
        old, new = _lines(before.tools.get(name)), _lines(now.tools.get(name))
        if old != new:
            word = "new" if not old else "gone" if not new else "changed"
            yield f"{word}: {name}"
            yield from list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]


def _lines(tool: JsonObject | None) -> list[str]:
    if tool is None:
        return []
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    return orjson.dumps(tool, option=option).decode().splitlines()
