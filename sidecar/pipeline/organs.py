"""What a road is made of, and how it is set."""

from __future__ import annotations

from dataclasses import dataclass, field

from sidecar import audit, edge
from sidecar.catalog import Tools
from sidecar.identity import Sessions, Verifier
from sidecar.pipeline.backend import Backends
from sidecar.pipeline.records import Durability, Watch
from sidecar.pipeline.survey import Surveys
from sidecar.policy import Policy
from sidecar.redaction import Redactor


@dataclass(frozen=True, slots=True)
class Organs:
    """What the road is made of. Looks at arguments are functions of `sidecar.redaction` alone.

    Without `surveys` the tools are taken as the catalog has them, never compared with a backend's.
    `watches` count what passed, and change nothing.
    """

    identity: Verifier
    sessions: Sessions
    tools: Tools
    policy: Policy
    audit: audit.Writer
    backends: Backends
    surveys: Surveys | None = None
    watches: tuple[Watch, ...] = ()
    redaction: Redactor = field(default_factory=Redactor)


@dataclass(frozen=True, slots=True)
class Rules:
    """How this road is set: what the edge admits, how durable records are, how tools are shown.

    While `streams` are open, no further listener is let in.
    """

    edge: edge.Rules
    durability: Durability
    is_discovery: bool = False
    streams: int = 256
