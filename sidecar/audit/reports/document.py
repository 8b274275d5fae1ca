"""A report as a JSON document for programs; its members are stable.

version        1; raised when a reader of the old form would misread it
since, until   UTC timestamps, empty for no limit
subject        whose data it is about; empty for everybody's
events         lines read in that time
answer         {seen, trust, state}: sentences, and `holds`, `open` or `broken`
verification   what verifying the whole log found: the fields of `Verification`
hours          [{hour, verdict, messages}], hours as `2026-11-22T12`
tables         {key: {title, columns, rows, note}}; a row has a value for each column
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from sidecar.model import JsonObject

if TYPE_CHECKING:
    from sidecar.audit.review import Report

VERSION: Final = 1


def document(report: Report) -> JsonObject:
    """Make the document."""
    hours = sorted(report.hours.items())
    return {
        "version": VERSION,
        "since": report.since,
        "until": report.until,
        "subject": report.subject,
        "events": report.events,
        "answer": asdict(report.answer),
        "verification": asdict(report.verification),
        "hours": [{"hour": h, "verdict": v, "messages": times} for (h, v), times in hours],
        "tables": {
            table.key: {
                "title": table.title,
                "columns": table.columns,
                "rows": table.rows,
                "note": table.note,
            }
            for table in report.tables
        },
    }
