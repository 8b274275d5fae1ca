"""What a tally becomes for a reader: tables, an answer in words, a page, sheets, a document."""

from sidecar.audit.reports.answer import Answer, answer
from sidecar.audit.reports.keeping import KEEPING
from sidecar.audit.reports.tables import tables

__all__ = ["KEEPING", "Answer", "answer", "tables"]
