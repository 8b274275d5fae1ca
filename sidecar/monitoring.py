"""What is told of a running sidecar while it runs."""

from __future__ import annotations

from pathlib import Path

from sidecar import audit
from sidecar.catalog import Catalog, Reviewed
from sidecar.metrics import AuditHealth, Counts, Metrics, Sources
from sidecar.pipeline import Road, Surveys, Watch
from sidecar.policy import Engine
from sidecar.settings import Settings


class Monitoring:
    """Counts from the first exchange on; `begin` once there is something to ask for the rest."""

    def __init__(self, settings: Settings) -> None:
        self._counts = Counts()
        self._settings = settings

    @property
    def watches(self) -> tuple[Watch, ...]:
        """What the road tells of each exchange that has ended."""
        return (self._counts.ended,)

    def begin(
        self,
        road: Road,
        writer: audit.Writer,
        engine: Engine,
        catalog: Catalog,
        reviewed: Reviewed,
        surveys: Surveys,
    ) -> Metrics:
        """Give the numbers for `/metrics`."""
        config = self._settings.audit
        sources = Sources(
            drift=lambda: reviewed.drift,
            is_stale=lambda: surveys.is_stale,
            streams=lambda: road.open_streams,
            policy_sha256=lambda: engine.policy_sha256,
            catalog_sha256=lambda: catalog.sha256,
            audit=lambda: audit_health(writer, config.folder, config.max_bytes),
        )
        return Metrics(self._counts, sources)


def audit_health(writer: audit.Writer, folder: Path, max_bytes: int) -> AuditHealth:
    """How the audit log stands: what its writer says, and the size of its files."""
    return AuditHealth(
        is_healthy=writer.is_healthy,
        bytes=sum(_size(file) for file in folder.glob("audit*.jsonl")),
        max_bytes=max_bytes,
        events=int(writer.head.partition(":")[0]),
    )


def _size(file: Path) -> int:
    """The size of a file; of one that is gone since it was listed, none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
