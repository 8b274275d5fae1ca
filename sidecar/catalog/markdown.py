"""The catalog as a Markdown table, for people who choose endpoints, tags and rules."""

from __future__ import annotations

from sidecar.catalog.catalog import Catalog
from sidecar.catalog.rows import Row

_HEAD = ("name", "method", "effect", "tags", "personal data")


def table(catalog: Catalog) -> str:
    """One line per tool, sorted by name; ends with a newline.

    "Personal data" holds the kinds that are known by their place, and "free text" where customers
    write; the content of every other field is scanned besides.
    """
    lines = [_HEAD, ("---",) * len(_HEAD), *map(_cells, catalog.rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row: Row) -> tuple[str, ...]:
    tool = row.tool
    data = [*tool.entities, *(["free text"] if row.customer_text else [])]
    return (
        f"`{tool.name}`",
        tool.method,
        tool.effect,
        ", ".join(tool.tags),
        ", ".join(data) or "-",
    )
