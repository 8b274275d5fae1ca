"""A report for spreadsheets: a file for each table, or one file with each call in a row.

A cell that a spreadsheet would take for a formula is prefixed with an apostrophe: telephone numbers
begin with a plus, and names of tools come from strangers. What cannot be printed (controls, line
ends, direction marks) is its escape, since sheets are looked at in terminals, too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sidecar.audit.calls import Call, word
from sidecar.audit.reader import section
from sidecar.audit.table import Table
from sidecar.shown import shown

COLUMNS: Final = (
    "time",
    "human",
    "agent",
    "workload",
    "purpose",
    "tool",
    "effect",
    "verdict",
    "status",
    "reason",
    "rules",
    "subjects",
    "masked",
    "returned",
    "policy_sha256",
    "event",
)
"""The columns of a sheet of calls."""

_FORMULA: Final = ("=", "+", "-", "@")


def of_tables(tables: Iterable[Table], folder: Path) -> None:
    """Write each table to a file of its own, named by its key; the folder is made.

    Raises OSError if it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        _write(folder / f"{table.key}.csv", table.columns, table.rows)


def of_calls(calls: Iterable[Call], file: Path) -> None:
    """Write each call as a row. Raises OSError if it cannot be written."""
    _write(file, COLUMNS, map(_row, calls))


def _row(call: Call) -> tuple[str, ...]:
    return (
        call.ts,
        *call.names[1:],
        word(call.actor, "purpose"),
        call.tool,
        word(call.mcp, "effect"),
        call.verdict,
        call.status,
        word(call.decision, "reason"),
        " ".join(call.rules),
        " ".join(f"{kind}:{subject}" for kind, subject in sorted(call.subjects)),
        " ".join(section(call.data, "masked")),
        " ".join(section(call.data, "kept")),
        word(call.decision, "policy_sha256"),
        call.id,
    )


def _write(file: Path, columns: Iterable[str], rows: Iterable[Iterable[str | int]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        sheet = csv.writer(opened)
        sheet.writerow(columns)
        sheet.writerows([_safe(cell) for cell in row] for row in rows)


def _safe(cell: str | int) -> str | int:
    if isinstance(cell, int):
        return cell
    text = shown(cell, len(cell))
    return f"'{text}" if text.startswith(_FORMULA) else text
