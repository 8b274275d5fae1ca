"""The audit organ: records every decision as one durable line of a chain that can be verified.

`Writer.record` is the verb of the road. `verify`, `show`, `query`, `follow`, `reconcile` and
`review` read the log offline and need nothing but the log; `look` records that somebody does.
`event.schema.json` publishes what a line holds.
"""

from sidecar.audit.chain import event_id, line, timestamp
from sidecar.audit.closed import bytes_in
from sidecar.audit.following import follow
from sidecar.audit.keys import Signer, keyring
from sidecar.audit.looks import record as look
from sidecar.audit.query import Filter, query, unknown
from sidecar.audit.reader import show
from sidecar.audit.reconcile import Reconciliation, reconcile
from sidecar.audit.review import Asked, Report, integrity, report, review, standing
from sidecar.audit.shipping import Progress, Shipping
from sidecar.audit.sinks import Otlp, Sink, Stdout
from sidecar.audit.sorting import is_stream
from sidecar.audit.starts import last_start
from sidecar.audit.streams import Fleet, verify_stream
from sidecar.audit.trail import Trail, opened
from sidecar.audit.unshipping import Split, unship
from sidecar.audit.verification import Verification, verify
from sidecar.audit.writer import Writer

__all__ = [
    "Asked",
    "Filter",
    "Fleet",
    "Otlp",
    "Progress",
    "Reconciliation",
    "Report",
    "Shipping",
    "Signer",
    "Sink",
    "Split",
    "Stdout",
    "Trail",
    "Verification",
    "Writer",
    "bytes_in",
    "event_id",
    "follow",
    "integrity",
    "is_stream",
    "keyring",
    "last_start",
    "line",
    "look",
    "opened",
    "query",
    "reconcile",
    "report",
    "review",
    "show",
    "standing",
    "timestamp",
    "unknown",
    "unship",
    "verify",
    "verify_stream",
]
