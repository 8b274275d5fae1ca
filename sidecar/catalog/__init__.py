"""Tool name to Tool: what each Gladly tool does, touches and reveals, read from tool_catalog/.

`source` reads YAML strictly and keeps line numbers, `shape` applies the published schema, `checks`
and `patterns` look for what a schema cannot say, `rows` makes the frozen nouns, `catalog` puts the
files together, `markdown` and `words` print them, and `proposals` writes rows for a review.
Everything is checked when it is loaded; afterwards a look-up is one dictionary access and cannot
fail.
"""

from sidecar.catalog.catalog import Catalog, load
from sidecar.catalog.exits import EXITS, TO_AGENT, TO_BACKEND
from sidecar.catalog.markdown import summary, table
from sidecar.catalog.pins import Drift, Pins, Reviewed, Tools, drift, fingerprint
from sidecar.catalog.proposals import Proposals, propose
from sidecar.catalog.rows import Example, Rest, Row
from sidecar.catalog.words import words

__all__ = [
    "EXITS",
    "TO_AGENT",
    "TO_BACKEND",
    "Catalog",
    "Drift",
    "Example",
    "Pins",
    "Proposals",
    "Rest",
    "Reviewed",
    "Row",
    "Tools",
    "drift",
    "fingerprint",
    "load",
    "propose",
    "summary",
    "table",
    "words",
]
