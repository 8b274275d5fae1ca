"""The catalog as Markdown tables, for people who choose endpoints, tags and rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import get_args

from sidecar.catalog.catalog import Catalog
from sidecar.catalog.rows import Row
from sidecar.model import Effect

_HEAD = ("name", "method", "effect", "tags", "personal data")
_SHORT = ("resource", "reads", "writes", "destroys", "tags", "personal data")


def table(catalog: Catalog) -> str:
    """One line per tool, sorted by name; ends with a newline.

    "Personal data" holds the kinds that are known by their place, and "free text" where customers
    write; the content of every other field is scanned besides.
    """
    return _written(_HEAD, map(_cells, catalog.rows))


def summary(catalog: Catalog) -> str:
    """One line per resource, which is a file: how many tools have which effect."""
    by_file = sorted(catalog.rows, key=lambda row: row.file)
    groups = (list(group) for _, group in groupby(by_file, key=lambda row: row.file))
    return _written(_SHORT, map(_resource, groups))


def _written(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    whole = (head, ("---",) * len(head), *lines)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in whole)


def _resource(rows: Sequence[Row]) -> tuple[str, ...]:
    effects = [row.tool.effect for row in rows]
    name = rows[0].file.rpartition(".")[0]
    return (
        f"[{name}](tool_catalog/{rows[0].file})",
        *(str(effects.count(effect) or "-") for effect in get_args(Effect)),
        ", ".join(sorted({tag for row in rows for tag in row.tool.tags})),
        _data(rows),
    )


def _cells(row: Row) -> tuple[str, ...]:
    tool = row.tool
    return (
        f"`{tool.name}`",
        tool.method,
        tool.effect,
        ", ".join(tool.tags),
        _data([row]),
    )


def _data(rows: Sequence[Row]) -> str:
    kinds = sorted({entity for row in rows for entity in row.tool.entities})
    is_free = any(row.tool.customer_text for row in rows)
    return ", ".join([*kinds, *(["free text"] if is_free else [])]) or "-"
