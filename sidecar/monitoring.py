"""What is told of a running sidecar while it runs: counts, and a collector's share of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sidecar import audit, upstream
from sidecar.catalog import Catalog, Reviewed
from sidecar.metrics import AuditHealth, Counts, Metrics, Sink, Sources
from sidecar.pipeline import Road, Surveys, Watch
from sidecar.policy import Generations, Policy
from sidecar.settings import Rotating, Settings, headers_in


class Monitoring:
    """Counts from the first exchange on; `begin` once there is something to ask for the rest."""

    def __init__(self, settings: Settings) -> None:
        self._counts = Counts()
        self._settings = settings
        self._exporter = _exporter(settings)

    @property
    def watches(self) -> tuple[Watch, ...]:
        """What the road tells of each exchange that has ended."""
        watches: tuple[Watch, ...] = (self._counts.ended,)
        return (*watches, self._exporter.ended) if self._exporter else watches

    def begin(
        self,
        road: Road,
        trail: audit.Trail,
        policy: Policy,
        catalog: Catalog,
        reviewed: Reviewed,
        surveys: Surveys,
        newer: Generations | None = None,
    ) -> Metrics:
        """Begin to send, if somebody is to be told, and give the numbers for `/metrics`."""
        exporter, config = self._exporter, self._settings.audit
        sources = Sources(
            drift=lambda: reviewed.drift,
            is_stale=lambda: surveys.is_stale,
            streams=lambda: road.open_streams,
            policy_sha256=lambda: policy.engine.policy_sha256,
            policy=(lambda: newer.standing) if newer else None,
            catalog_sha256=lambda: catalog.sha256,
            audit=lambda: audit_health(trail, config.folder, config.max_bytes),
            exported=(lambda: exporter.exported) if exporter else None,
        )
        metrics = Metrics(self._counts, sources)
        if exporter is not None:
            exporter.start(metrics.read)
        return metrics

    async def close(self) -> None:
        """Send what is left, if somebody takes it in time."""
        if self._exporter is not None:
            await self._exporter.close()


def audit_health(trail: audit.Trail, folder: Path, max_bytes: int) -> AuditHealth:
    """How the audit log stands: its writer, the size of its files, and where it is shipped."""
    writer = trail.writer
    return AuditHealth(
        is_healthy=writer.is_healthy,
        bytes=sum(_size(file) for file in folder.glob("audit*.jsonl")),
        max_bytes=max_bytes,
        events=int(writer.head.partition(":")[0]),
        signed=writer.signed,
        sinks=tuple(
            (one.sink, Sink(one.lag_lines, one.lag_seconds, one.failures))
            for one in trail.shipping.progress()
        ),
    )


def _size(file: Path) -> int:
    """The size of a file; of one that is gone since it was listed, none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _exporter(settings: Settings) -> Any:
    """What sends traces and metrics, or None where nobody asked for it."""
    config = settings.telemetry
    if config is None:
        return None
    # Here alone: without the section a sidecar starts without that code, and without the extra.
    from sidecar import telemetry

    file = config.headers_file
    context = None
    if config.ca_file is not None:
        context = upstream.tls(str(config.ca_file), None, None)
    collector = telemetry.Collector(
        url=config.otlp_url,
        headers=Rotating(headers_in, file) if file else None,
        context=context,
        timeout=config.timeout,
        metrics_seconds=config.metrics_seconds,
    )
    return telemetry.Exporter(collector, config.sample_ratio)
