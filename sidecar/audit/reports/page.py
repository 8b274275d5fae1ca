"""A report as one HTML file that asks the network for nothing. Pure.

Theory of operation. Names of tools, clients and errors come from strangers, so two things keep them
text: every one is escaped where it is put into the page, and the page's own policy lets nothing run
but the one script whose hash it names. Without script every table is there, unfiltered.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.audit.reports import plots
from sidecar.audit.table import Table, plain

if TYPE_CHECKING:
    from sidecar.audit.review import Report

MOST_ROWS: Final = 5000
"""Rows of a table that the page has; sheets have all."""

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "page.css").read_text()
_SCRIPT: Final = (_HERE / "page.js").read_text()


def page(report: Report) -> str:
    """Make the whole page."""
    tables = report.every_table()[1:]  # the first is the box at the top
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8">{_policy()}',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{_text(report.heading())}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(report.heading())}</h1>",
        *_answer(report),
        "<nav><ul>",
        *(_link(table) for table in tables),
        "</ul></nav>",
        *_drawings(report),
        *(_section(table) for table in tables),
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
    yield from (f"<p>{_text(sentence)}</p>" for sentence in report.answer.seen)
    yield "<h2>Could anyone have changed this log?</h2>"
    for number, sentence in enumerate(report.answer.trust):
        yield (
            f'<p class="{css}">{_text(sentence)}</p>' if not number else f"<p>{_text(sentence)}</p>"
        )
    yield "</section>"


def _drawings(report: Report) -> Iterator[str]:
    by_title = {table.title: table for table in report.tables}
    agents: Counter[str] = Counter()
    for name, calls, *_ in by_title["By agent"].rows if "By agent" in by_title else ():
        agents[str(name)] += int(calls)
    entities: Counter[str] = Counter()
    for _, entity, fate, times in by_title["Personal data"].rows:
        entities[f"{entity}, {fate}"] += int(times)
    yield '<figure class="over-time"><figcaption>Messages over time</figcaption>'
    yield f"{plots.over_time(report.hours)}</figure>"
    yield "<figure><figcaption>Messages by agent</figcaption>"
    yield f"{plots.bars(agents, 'allow')}</figure>"
    yield "<figure><figcaption>Personal data by category</figcaption>"
    yield f"{plots.bars(entities, 'mask')}</figure>"


def _link(table: Table) -> str:
    count = f'<span class="quiet">{len(table.rows)}</span>'
    return f'<li><a href="#{table.key}">{_text(table.title)}</a> {count}</li>'


def _section(table: Table) -> str:
    head = f'<h2>{_text(table.title)}</h2><p class="quiet">{_text(table.about)}</p>'
    if not table.rows:
        return f'<section id="{table.key}">{head}<p>{_text(table.nothing)}</p></section>'
    columns = "".join(f'<th scope="col">{_text(column)}</th>' for column in table.columns)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows[:MOST_ROWS])
    rest = len(table.rows) - MOST_ROWS
    notes = [f"{rest} more rows are not shown; --csv has them."] if rest > 0 else []
    notes += [table.note] if table.note else []
    return (
        f'<section id="{table.key}" data-table>{head}<div class="scroll" tabindex="0"><table>'
        f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>{_notes(notes)}"
        "</section>"
    )


def _notes(notes: Iterable[str]) -> str:
    return "".join(f'<p class="note">{_text(note)}</p>' for note in notes)


def _cell(cell: str | int) -> str:
    return f'<td class="count">{cell}</td>' if isinstance(cell, int) else f"<td>{_text(cell)}</td>"


def _text(text: str) -> str:
    """Text that stays text: no markup, and no character that hides or turns what stands beside."""
    return escape(plain(text))
