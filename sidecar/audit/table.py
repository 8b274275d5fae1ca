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

_UNFIT = re.compile(r"[`|\\]")
"""What a code span in a table cannot hold as it is, or not in every reader of Markdown."""

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|~&$@:.])")  # a colon or a dot can make a link


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `nothing` is the sentence that stands for no rows, `note` follows rows.

    `own_words` are the columns whose cells are this program's own words, not names to be copied.
    `about` says in a sentence what a reader learns from it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    nothing: str = "None."
    own_words: frozenset[str] = frozenset()
    note: str = ""
    about: str = ""

    @property
    def key(self) -> str:
        """The title as a name for files, members of JSON and links: `rate_limits_passed_on_429`."""
        return re.sub(r"[^a-z0-9]+", "_", self.title.lower()).strip("_")

    def text(self) -> str:
        """Aligned columns under an underlined title."""
        title = [self.title, "-" * len(self.title)]
        if not self.rows:
            return "\n".join([*title, self.nothing])
        cells = [self.columns, *([plain(cell) for cell in row] for row in self._printed())]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join([*title, *(_aligned(row, widths) for row in cells), *self._rest()])

    def markdown(self) -> str:
        """A second-level heading and a table; each name stands in a code span, to be copied raw."""
        if not self.rows:
            return f"## {self.title}\n\n{self.nothing}"
        cells = [self.columns, ["---"] * len(self.columns)]
        cells += [[*map(self._cell, self.columns, row)] for row in self._printed()]
        table = "\n".join(f"| {' | '.join(row)} |" for row in cells)
        return "\n\n".join([f"## {self.title}", table, *self._rest()])

    def _cell(self, column: str, cell: str | int) -> str:
        return escaped(cell) if column in self.own_words else _span(cell)

    def _printed(self) -> Iterable[tuple[str | int, ...]]:
        return self.rows[:MAX_ROWS]

    def _rest(self) -> list[str]:
        rest = len(self.rows) - MAX_ROWS
        more = [f"{rest} more rows are not shown; narrow the time."] if rest > 0 else []
        return [*more, self.note] if self.note else more


def _aligned(row: Iterable[str], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def plain(cell: str | int) -> str:
    """Show what cannot be printed (controls, direction marks, line ends) as its escape."""
    text = str(cell)
    return text if text.isprintable() else ascii(text)[1:-1]


def escaped(cell: str | int) -> str:
    """A cell in Markdown as it stands: nothing in it is markup."""
    return _MARKUP.sub(r"\\\1", plain(cell))


def _span(cell: str | int) -> str:
    """Put a cell into a code span, where nothing is markup: no link, no mention, no HTML.

    What a code span cannot hold is escaped instead. Numbers and empty cells need neither.
    """
    text = plain(cell)
    if isinstance(cell, int) or not text.strip():
        return text
    return escaped(cell) if _UNFIT.search(text) else f"`{text}`"
