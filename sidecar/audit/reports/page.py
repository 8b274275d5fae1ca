"""A report as one HTML file that asks the network for nothing. Pure.

Theory of operation. Names of tools, clients and errors come from strangers, so two things keep them
text: every one is escaped where it is put into the page, and the page's own policy lets nothing run
but the one script whose hash it names. Without script every table is there, unfiltered.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.audit.reports import plots
from sidecar.audit.table import Table, plain
from sidecar.audit.tally import FATES

if TYPE_CHECKING:
    from sidecar.audit.review import Report

MOST_ROWS: Final = 5000
"""Rows of a table that the page has; sheets have all."""

_FIXED: Final = frozenset(
    {"integrity", "trust", "redaction_of_results", "retention_pruning_erasure"}
)
"""Tables of a few known rows, by key: to be read, not filtered, sorted or counted."""

_LAST: Final = frozenset({"event", "last event"})
"""Columns for `show`, not for a reader: they stand last."""

_MANY: Final = 40
"""Characters of a sentence that deserves a wide column."""

_FEW: Final = 24
"""Characters of words that fit on one line."""

_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)", re.ASCII)
_CODE: Final = re.compile("`([^`]+)`")
_FATE_COLOURS: Final = {FATES["masked"]: "mask", FATES["kept"]: "kept"}

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "page.css").read_text()
_SCRIPT: Final = (_HERE / "page.js").read_text()


def page(report: Report, origin: str = "") -> str:
    """Make the whole page; `origin` says under its heading what it was made from."""
    tables = report.every_table()[1:]  # the first is the box at the top
    answering = report.tables[:1] if report.subject else ()
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8">{_policy()}',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{_text(report.heading())}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_prose(report.heading())}</h1>",
        f'<p class="quiet" id="origin">{_text(origin)}</p>' if origin else "",
        *_answer(report),
        *(_section(table) for table in answering),
        "<nav><ul>",
        *(_link(table) for table in tables),
        "</ul></nav>",
        *_drawings(report),
        *(_section(table) for table in tables if table not in answering),
        f"<script>{_SCRIPT}</script></body></html>\n",
    ]
    return "\n".join(parts)


def _policy() -> str:
    """Forbid everything but our own style and script, each by the hash of its text."""
    rules = (
        "default-src 'none'",
        f"style-src '{_hash(_STYLE)}'",
        f"script-src '{_hash(_SCRIPT)}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _answer(report: Report) -> Iterator[str]:
    css = report.answer.state
    yield '<section class="answer" id="answer"><h2>Who saw whose data?</h2>'
    yield from (f"<p>{_prose(sentence)}</p>" for sentence in report.answer.seen)
    yield "<h2>Could anyone have changed this log?</h2>"
    for number, sentence in enumerate(report.answer.trust):
        yield f'<p class="{css}">' if not number else "<p>"
        yield f"{_prose(sentence)}</p>"
    yield "</section>"


def _drawings(report: Report) -> Iterator[str]:
    by_title = {table.title: table for table in report.tables}
    agents: Counter[str] = Counter()
    for name, calls, *_ in by_title["By agent"].rows if "By agent" in by_title else ():
        agents[str(name)] += int(calls)
    entities: Counter[str] = Counter()
    colours: dict[str, str] = {}
    for _, entity, fate, times in by_title["Personal data"].rows:
        entities[f"{entity}, {fate}"] += int(times)
        colours[f"{entity}, {fate}"] = _FATE_COLOURS.get(str(fate), "none")
    yield '<figure class="over-time"><figcaption>Messages over time</figcaption>'
    yield f"{plots.over_time(report.hours)}</figure>"
    yield "<figure><figcaption>Messages by agent</figcaption>"
    yield f"{plots.bars(agents, lambda _: 'allow')}</figure>"
    yield "<figure><figcaption>Personal data by category</figcaption>"
    yield f"{plots.bars(entities, colours.__getitem__)}</figure>"


def _link(table: Table) -> str:
    link = f'<a href="#{table.key}">{_text(table.title)}</a>'
    if table.key in _FIXED:
        return f"<li>{link}</li>"
    return f'<li>{link} <span class="quiet">{len(table.rows)}</span></li>'


def _section(table: Table) -> str:
    head = f'<h2>{_text(table.title)}</h2><p class="quiet">{_prose(table.about)}</p>'
    if not table.rows:
        return f'<section id="{table.key}">{head}<p>{_prose(table.nothing)}</p></section>'
    order = sorted(range(len(table.columns)), key=lambda place: table.columns[place] in _LAST)
    columns = "".join(_head(table, place) for place in order)
    rows = "".join(f"<tr>{_cells(table, row, order)}</tr>" for row in table.rows[:MOST_ROWS])
    rest = len(table.rows) - MOST_ROWS
    notes = [f"{rest} more rows are not shown; `--csv` has them."] if rest > 0 else []
    notes += [table.note] if table.note else []
    kind = 'class="fixed"' if table.key in _FIXED else "data-table"
    return (
        f'<section id="{table.key}" {kind}>{head}<div class="scroll" tabindex="0"><table>'
        f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>{_notes(notes)}"
        "</section>"
    )


def _head(table: Table, place: int) -> str:
    css = ' class="count"' if isinstance(table.rows[0][place], int) else ""
    return f'<th scope="col"{css}>{_text(table.columns[place])}</th>'


def _notes(notes: Iterable[str]) -> str:
    return "".join(f'<p class="note">{_prose(note)}</p>' for note in notes)


def _cells(table: Table, row: tuple[str | int, ...], order: list[int]) -> str:
    cells = [_cell(row[place], table.columns[place], table.own_words) for place in order]
    return "".join(cells)


def _cell(cell: str | int, column: str, own_words: frozenset[str]) -> str:
    if isinstance(cell, int):
        return f'<td class="count">{cell}</td>'
    if moment := _MOMENT.fullmatch(cell):
        return f'<td class="whole" title="{_text(cell)}">{moment[1]} {moment[2]}</td>'
    if column in _LAST:
        return f'<td class="id">{_text(cell)}</td>'
    told = _prose(cell) if column in own_words else _text(cell)
    return f"<td{_width(cell)}>{told}</td>"


def _width(cell: str) -> str:
    """Hold a few words on one line, and many apart from columns of one word each."""
    if " " not in cell:
        return ""
    if len(cell) <= _FEW:
        return ' class="whole"'
    return ' class="words"' if len(cell) > _MANY else ""


def _prose(text: str) -> str:
    """Our own sentences: what is to be typed stands between backticks, times are cut to seconds."""
    told = _MOMENT.sub(r'<span class="whole" title="\g<0>">\1 \2</span>', _text(text))
    return _CODE.sub(r"<code>\1</code>", told)


def _text(text: str) -> str:
    """Text that stays text: no markup, and no character that hides or turns what stands beside."""
    return escape(plain(text))
