"""A matrix of callers and tools as text, Markdown, CSV, or one HTML file. Pure.

Names come from strangers: on a terminal they are made visible, in Markdown and HTML escaped, in CSV
kept from being formulas. The page's own policy lets nothing load and nothing run.
"""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from typing import Final, Literal

from sidecar.model import Verdict
from sidecar.policy.comparing.difference import actions, refusals
from sidecar.policy.comparing.matrix import Grid
from sidecar.review.words import wrapped
from sidecar.shown import shown

Form = Literal["text", "markdown", "csv", "html"]

_YES: Final = "yes"
_STYLE: Final = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "th,td{border:1px solid #8886;padding:.2rem .6rem;text-align:left;vertical-align:top}"
    "thead th{position:sticky;top:0;background:Canvas;z-index:1}"
    "tbody th{position:sticky;left:0;background:Canvas}"
    "@media(max-width:700px){body{margin:.5rem}h1{font-size:1.2rem}"
    "th,td{padding:.1rem .3rem}td{min-width:8rem}"
    "tbody th{min-width:9rem;overflow-wrap:anywhere}}"
    "td.yes{background:#2a82}td.no{background:#c332}small{color:GrayText}"
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def table(grid: Grid, form: Form) -> str:
    """The whole of a matrix in one form, ending in a line end."""
    head = ["tool", "method", "effect", *(asker.name for asker in grid.askers)]
    rows = [_row(grid, number) for number in range(len(grid.tools))]
    masks = list(_masks(grid))
    title = f"Callers and tools, policy {grid.policy_sha256[:12]}"
    if form == "csv":
        return _csv([head, *rows])
    if form == "html":
        return _html(title, head, rows, masks)
    if form == "markdown":
        first = [f"# {title}", "", *_markdown(head, rows)]
        return "\n".join([*first, "", "## Masks", "", *_markdown(["caller", "masks"], masks), ""])
    return "\n".join([title, "", *_text(grid, rows), "", "masks:", *_lines(masks), ""])


def _row(grid: Grid, number: int) -> list[str]:
    tool = grid.tools[number]
    said = [_cell(grid.of(asker.name, tool.name)) for asker in grid.askers]
    return [tool.name, tool.method, tool.effect, *said]


def _cell(verdict: Verdict) -> str:
    return _YES if verdict.is_allowed else ", ".join(refusals(verdict))


def _masks(grid: Grid) -> Iterator[list[str]]:
    """What each caller sees masked: of the tools he may call most of all, and of the others."""
    for asker in grid.askers:
        found: dict[str, list[str]] = {}
        for tool in grid.tools:
            verdict = grid.of(asker.name, tool.name)
            if verdict.is_allowed:
                masks = sorted(f"{place} {act}" for place, act in actions(verdict).items())
                found.setdefault(", ".join(masks) or "mask all", []).append(tool.name)
        most = max(map(len, found.values()), default=0)
        for masks_, tools in sorted(found.items(), key=lambda one: -len(one[1])):
            where = f"{len(tools)} tools" if len(tools) == most else ", ".join(tools)
            yield [asker.name, f"{masks_} ({where})"]
        if not found:
            yield [asker.name, "calls nothing"]


def _text(grid: Grid, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """One column a caller, numbered, since names are wide; a letter for each way to refuse."""
    reasons = sorted({cell for row in rows for cell in row[3:] if cell != _YES})
    marks = {_YES: "+"} | {reason: _letter(n) for n, reason in enumerate(reasons)}
    width = max((len(row[0]) for row in rows), default=4)
    for number, asker in enumerate(grid.askers, 1):
        yield f"{number:>3}  {shown(asker.name)}"
    yield ""
    columns = "".join(f"{number:>4}" for number in range(1, len(grid.askers) + 1))
    yield f"{'tool':<{width}}  {'effect':<11}{columns}"
    for row in rows:
        cells = "".join(f"{marks[cell]:>4}" for cell in row[3:])
        yield f"{shown(row[0]):<{width}}  {row[2]:<11}{cells}"
    yield ""
    yield "  +  allowed"
    yield from (f"{marks[reason]:>3}  {shown(reason)}" for reason in reasons)


def _letter(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    tens = letters[number // 26 - 1] if number >= len(letters) else ""
    return tens + letters[number % 26]


def _lines(masks: Sequence[Sequence[str]]) -> Iterator[str]:
    for who, said in masks:
        yield f"  {shown(who)}"
        yield from wrapped(shown(said, 2000), 4)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_plain, head))} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(map(_plain, row))} |" for row in rows)


def _plain(text: str) -> str:
    safe = escape(shown(text, 2000), quote=False).replace("\\", "\\\\")
    for sign in "|`*[]":
        safe = safe.replace(sign, f"\\{sign}")
    return safe


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        sheet.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row)
    return out.getvalue()


def _html(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    masks: Sequence[Sequence[str]],
) -> str:
    digest = b64encode(sha256(_STYLE.encode()).digest()).decode()
    rules = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{rules}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{_safe(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{_safe(title)}</h1>",
            *_grid(head, rows),
            "<h2>Masks</h2>",
            *_grid(["caller", "masks"], masks),
            "</body></html>\n",
        ]
    )


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "<table><thead><tr>"
    yield "".join(f'<th scope="col">{_safe(cell)}</th>' for cell in head)
    yield "</tr></thead><tbody>"
    for first, *rest in rows:
        cells = [f'<th scope="row">{_safe(first)}</th>']
        is_wide = len(head) > 2  # noqa: PLR2004 - the matrix itself, whose cells have colours
        for number, cell in enumerate(rest):
            shade = ' class="yes"' if cell == _YES else ' class="no"'
            cells.append(f"<td{shade if is_wide and number > 1 else ''}>{_safe(cell)}</td>")
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _safe(text: str) -> str:
    return escape(shown(text, 2000))
