"""How long a log is kept, what is removed from it, and what never stood in it."""

from __future__ import annotations

from typing import Final

from sidecar.audit.table import Table

_ROWS: Final = (
    (
        "how long it is kept",
        """Closed segments stay until the folder's bound (audit.max_bytes) is near, or the disk is
        nearly full. Then the oldest may be pruned if it is signed, anchored, shipped and older than
        audit.keep_days; while one of these is missing, a full log refuses calls rather than
        forget.""",
    ),
    (
        "what pruning leaves",
        """For each removed segment a tombstone in the log, signed with the next checkpoint, names
        its first and last line and its digest: lines that were pruned can be told from lines that
        were taken away, and a copy kept elsewhere can be checked.""",
    ),
    (
        "erasing a person",
        """No line can be changed without breaking the chain, and none has to be. The log holds no
        name, address, number or text of a customer: only Gladly's own ids, counts, and keyed
        pseudonyms. Once the customer is erased in Gladly an id leads nowhere, and once a pseudonym
        key is destroyed nobody can compute its pseudonyms.""",
    ),
    (
        "who looked",
        """Reports, queries and look-ups of this log are recorded in a chain of its own under
        reviews/, as far as whoever looked could write there.""",
    ),
)

KEEPING: Final = Table(
    "Retention, pruning, erasure",
    ("topic", "what holds"),
    tuple((topic, " ".join(text.split())) for topic, text in _ROWS),
    own_words=frozenset({"topic", "what holds"}),
    about="How this log is kept, and why nothing in it has to be erased.",
)
"""The same in every report."""
