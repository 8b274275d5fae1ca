"""The audit organ: records every decision as one durable line of a chain that can be verified.

`Writer.record` is the verb of the road. `verify`, `show` and `report` read the file offline and
need nothing but the file. `event.schema.json` publishes what a line holds.
"""

from sidecar.audit.chain import event_id, line, timestamp
from sidecar.audit.closed import bytes_in
from sidecar.audit.keys import Signer, keyring
from sidecar.audit.reader import show
from sidecar.audit.review import Report, integrity, report
from sidecar.audit.shipping import Progress, Shipping
from sidecar.audit.sinks import Otlp, Sink, Stdout
from sidecar.audit.starts import last_start
from sidecar.audit.streams import Fleet, is_stream, verify_stream
from sidecar.audit.trail import Trail, opened
from sidecar.audit.verification import Verification, verify
from sidecar.audit.writer import Writer

__all__ = [
    "Fleet",
    "Otlp",
    "Progress",
    "Report",
    "Shipping",
    "Signer",
    "Sink",
    "Stdout",
    "Trail",
    "Verification",
    "Writer",
    "bytes_in",
    "event_id",
    "integrity",
    "is_stream",
    "keyring",
    "last_start",
    "line",
    "opened",
    "report",
    "show",
    "timestamp",
    "verify",
    "verify_stream",
]
