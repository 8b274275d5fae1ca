"""What one walk down the road carries, how a refusal is told, and what is written down of it."""

from sidecar.exchange.answers import answer
from sidecar.exchange.context import Trace, trace_of
from sidecar.exchange.evidence import intent, outcome, shown_name, subjects
from sidecar.exchange.state import Exchange, Tally

__all__ = [
    "Exchange",
    "Tally",
    "Trace",
    "answer",
    "intent",
    "outcome",
    "shown_name",
    "subjects",
    "trace_of",
]
