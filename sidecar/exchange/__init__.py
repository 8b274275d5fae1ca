"""What one walk down the road carries, how a refusal is told, and what is written down of it."""

from sidecar.exchange.actors import ByCaller, actor
from sidecar.exchange.answers import answer
from sidecar.exchange.context import Trace, trace_of
from sidecar.exchange.evidence import intent, outcome, told
from sidecar.exchange.names import shown_name, shown_text
from sidecar.exchange.state import Exchange, Tally, Told
from sidecar.exchange.subjects import merges, subjects

__all__ = [
    "ByCaller",
    "Exchange",
    "Tally",
    "Told",
    "Trace",
    "actor",
    "answer",
    "intent",
    "merges",
    "outcome",
    "shown_name",
    "shown_text",
    "subjects",
    "told",
    "trace_of",
]
