"""What a monitoring system is told: Prometheus' text format, read fresh at each scrape.

An agent in the same pod can read it, too, so that no label names a tool, a caller, a person or an
endpoint. Who eats a shared quota is told by account. Not by endpoint, not even under a keyed name:
an agent finds its own by calling, then watches the others, and a gateway has thousands of them. The
table by endpoint is the audit report's.
"""

from sidecar.metrics.counts import BOUNDS, Counts, Histogram, account_of, verdict_of
from sidecar.metrics.families import FAMILIES, Family, Samples, table
from sidecar.metrics.limits import Limit, limit_of
from sidecar.metrics.reading import CONTENT_TYPE, AuditHealth, Exported, Metrics, Sink, Sources

__all__ = [
    "BOUNDS",
    "CONTENT_TYPE",
    "FAMILIES",
    "AuditHealth",
    "Counts",
    "Exported",
    "Family",
    "Histogram",
    "Limit",
    "Metrics",
    "Samples",
    "Sink",
    "Sources",
    "account_of",
    "limit_of",
    "table",
    "verdict_of",
]
