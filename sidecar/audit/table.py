"""Tables of a report as plain text and as Markdown. Pure.

Tool names, client names and error words come from strangers: no cell may move a terminal's cursor,
reverse the reading direction or become markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_ROWS = 200
"""How many rows of a table are printed; `Table.rows` has them all."""

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|~&$@:.])")  # a colon or a dot can make a link


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `nothing` is the sentence that stands for no rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    nothing: str = "None."

    def text(self) -> str:
        """Aligned columns under an underlined title."""
        title = [self.title, "-" * len(self.title)]
        if not self.rows:
            return "\n".join([*title, self.nothing])
        cells = [self.columns, *([_plain(cell) for cell in row] for row in self._printed())]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join([*title, *(_aligned(row, widths) for row in cells), *self._rest()])

    def markdown(self) -> str:
        """A second-level heading and a table with every cell escaped."""
        if not self.rows:
            return f"## {self.title}\n\n{self.nothing}"
        cells = [self.columns, ["---"] * len(self.columns)]
        cells += [[_escaped(cell) for cell in row] for row in self._printed()]
        table = "\n".join(f"| {' | '.join(row)} |" for row in cells)
        return "\n\n".join([f"## {self.title}", table, *self._rest()])

    def _printed(self) -> Iterable[tuple[str | int, ...]]:
        return self.rows[:MAX_ROWS]

    def _rest(self) -> list[str]:
        rest = len(self.rows) - MAX_ROWS
        return [f"{rest} more rows are not shown; narrow the time."] if rest > 0 else []


def _aligned(row: Iterable[str], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(cell: str | int) -> str:
    """Show what cannot be printed (controls, direction marks, line ends) as its escape."""
    text = str(cell)
    return text if text.isprintable() else ascii(text)[1:-1]


def _escaped(cell: str | int) -> str:
    return _MARKUP.sub(r"\\\1", _plain(cell))
