"""Reads the catalog's folders and answers one question: what is known of the tool of this name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sidecar.catalog import checks, rows, shape, source
from sidecar.catalog.checks import View
from sidecar.catalog.exits import EXITS
from sidecar.catalog.rows import Row
from sidecar.catalog.source import Fault, Source
from sidecar.errors import ConfigError, Problem
from sidecar.model import Tool

_WORD = re.compile(r"[A-Za-z0-9_.-]+")

_OUR_TAGS: Final = frozenset({"exit", "unreviewed"})
"""Tags that the sidecar gives: to what is no tool, and to a row that was only proposed."""


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """The tools that are known; immutable, so it can be swapped whole while others read.

    `rows` are sorted by name. `sha256` is the hex digest of what they say: comments, layout and
    the names of files do not change it.
    """

    rows: tuple[Row, ...]
    sha256: str
    tools: Mapping[str, Tool]

    def find(self, name: str, _account: str = "", /) -> Tool:
        """What is known of a tool, by its name or an alias, code point by code point.

        The answer bears the name that was asked. For a name that is not here, whatever it is,
        it is a tool that is not known and has the unsafe value everywhere. Never raises.
        """
        return self.tools.get(name) or Tool(name=name)

    def names(self) -> Mapping[str, AbstractSet[str]]:
        """What a rule may name, by kind: each `tool` by all its names, each `argument` and `tag`.

        With them what is no tool, and the tags that the sidecar gives.
        """
        tools = [row.tool for row in self.rows]
        return {
            "tool": self.tools.keys() | EXITS.keys(),
            "argument": {name for tool in tools for name in tool.arguments},
            "tag": {tag for tool in tools for tag in tool.tags} | _OUR_TAGS,
        }

    def __len__(self) -> int:
        return len(self.rows)


def load(folders: Sequence[Path]) -> Catalog:
    """Read every `*.yaml` of the folders; later ones add tools and cannot redefine any.

    Raises:
        ConfigError: with every problem of every file, each with its file and line.
    """
    problems: list[Problem] = []
    sources = [source.read(str(path), data) for path, data in _files(folders, problems)]
    across = _across(sources)
    for one, shared in zip(sources, across, strict=True):
        known = [*one.faults, *shape.faults(one)]
        found = [*checks.faults(one), *checks.examples(one, known), *shared]
        problems += one.problems([*known, *found])
    if not sources and not problems:
        where = ", ".join(map(str, folders)) or "the catalog"
        problems.append(Problem(where, "no *.yaml file is here", "name the catalog's folder"))
    if problems:
        raise ConfigError(problems)
    return _catalog(sources)


def _files(folders: Sequence[Path], problems: list[Problem]) -> Iterator[tuple[Path, bytes]]:
    """The catalog's files in order; what cannot be read becomes a problem."""
    for folder in folders:
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            what = f"cannot be read as a folder: {error.strerror}"
            problems.append(Problem(str(folder), what, "name a folder that exists"))
            continue
        for path in paths:
            if path.suffix.lower() in {".yml", ".yaml"} and not path.name.startswith("."):
                yield from _file(path, problems)


def _file(path: Path, problems: list[Problem]) -> Iterator[tuple[Path, bytes]]:
    if path.suffix != ".yaml":
        problems.append(Problem(str(path), "does not end in .yaml", "rename it to *.yaml"))
        return
    try:
        yield path, path.read_bytes()
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        problems.append(Problem(str(path), what, "give the sidecar the right to read it"))


def _across(sources: Sequence[Source]) -> list[list[Fault]]:
    """What is wrong between rows, by file: names given twice, and texts that name other tools."""
    views = [checks.views(one) for one in sources]
    owners: dict[str, str] = {}
    found = [
        [fault for row in rows_ for fault in _taken(row, one, owners)]
        for one, rows_ in zip(sources, views, strict=True)
    ]
    for faults, rows_ in zip(found, views, strict=True):
        faults += [fault for row in rows_ for fault in _mentions(row, owners)]
    return found


def _taken(row: View, one: Source, owners: dict[str, str]) -> Iterator[Fault]:
    """Note a row's names in `owners`; one that is there already is a fault."""
    names = [(("name",), row.text("name")), *row.members(str, "aliases")]
    for place, name in names:
        if name in owners:
            what = f"the name {name!r} is taken by {owners[name]}"
            yield row.fault(place, what, "choose another; a tool cannot be redefined")
        elif name:
            owners[name] = one.where((*row.place, *place))


def _mentions(row: View, names: Mapping[str, str]) -> Iterator[Fault]:
    """A text for models names no tool: the reader may not be allowed to know of it.

    A name without an underscore may be a word that means something else, so it passes.
    """
    texts = [((key,), row.text(key)) for key in ("title", "summary", "description")]
    for place, text in [*texts, *row.members(str, "constraints")]:
        for word in _WORD.findall(text):
            name = word.rstrip(".")
            if name in names and "_" in name:
                what = f"the text names the tool {name!r}"
                yield row.fault(place, what, "say what it does: the reader may not see that tool")


def _catalog(sources: Sequence[Source]) -> Catalog:
    made = [rows.make(row.row, Path(one.name).name) for one in sources for row in checks.views(one)]
    made.sort(key=lambda row: row.tool.name)
    said = sorted(json.dumps(row.row) for one in sources for row in checks.views(one))
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    tools = {
        name: replace(row.tool, name=name) for row in made for name in (row.tool.name, *row.aliases)
    }
    return Catalog(tuple(made), digest, tools)
