"""The numbers as they are now: what was counted, and what others say when they are asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from sidecar import __version__
from sidecar.catalog import Drift
from sidecar.metrics import families as f
from sidecar.metrics.counts import BOUNDS, Counts, Histogram
from sidecar.metrics.families import FAMILIES, Family, Samples
from sidecar.metrics.limits import limit_of
from sidecar.policy import Standing

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sink:
    """How far one sink of the audit log is behind it."""

    lag_events: int = 0
    lag_seconds: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class AuditHealth:
    """How the audit log stands. `signed` is the last event that a checkpoint signs, if any."""

    is_healthy: bool = True
    bytes: int = 0
    max_bytes: int = 0
    events: int = 0
    signed: int | None = None
    sinks: tuple[tuple[str, Sink], ...] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """How many spans reached a collector, and how many it did not take in time."""

    sent: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask at each scrape for what is not counted here. Asked from any thread."""

    drift: Callable[[], Drift] = Drift
    is_stale: Callable[[], bool] = bool
    streams: Callable[[], int] = int
    policy_sha256: Callable[[], str] = str
    policy: Callable[[], Standing] | None = None
    catalog_sha256: Callable[[], str] = str
    audit: Callable[[], AuditHealth] = AuditHealth
    exported: Callable[[], Exported] | None = None


class Metrics:
    """The numbers of one running sidecar."""

    def __init__(self, counts: Counts, sources: Sources) -> None:
        self._counts = counts
        self._sources = sources
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Every number as it is now, in the format of CONTENT_TYPE."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Read the numbers; the registry calls this at each scrape."""
        for family, samples in self.read():
            yield _metric(family, samples)

    def read(self) -> Iterator[tuple[Family, Samples]]:
        """Every family in its order with the samples that it has now, perhaps none."""
        found = {**self._counted(), **self._asked(), **self._quotas()}
        for family in FAMILIES:
            yield family, found.get(family, {})

    def _counted(self) -> dict[Family, Samples]:
        counts = self._counts
        # Copies, since the road goes on counting while another thread reads.
        return {
            f.REQUESTS: dict(counts.requests),
            f.REFUSALS: {(kind,): n for kind, n in dict(counts.refusals).items()},
            f.FAILURES: dict(counts.failures),
            f.BACKEND: dict(counts.backend),
            f.SECONDS: {(part,): one for part, one in counts.seconds.items()},
            f.RESULTS: {(state,): n for state, n in dict(counts.results).items()},
            f.MASKED: {(entity,): n for entity, n in dict(counts.masked).items()},
            f.SHADOW: {(result,): n for result, n in dict(counts.shadow).items()},
        }

    def _asked(self) -> dict[Family, Samples]:
        ask = self._sources
        drift: Samples = {(how,): len(names) for how, names in asdict(ask.drift()).items()}
        found: dict[Family, Samples] = {
            f.STREAMS: {(): ask.streams()},
            f.DRIFTED: drift,
            f.STALE: {(): int(ask.is_stale())},
            f.POLICY: {(ask.policy_sha256(),): 1},
            f.CATALOG: {(ask.catalog_sha256(),): 1},
            f.BUILD: {(__version__,): 1},
        }
        if ask.exported is not None:
            found[f.SPANS] = {(state,): n for state, n in asdict(ask.exported()).items()}
        return found | _audit(ask.audit()) | (_renewed(ask.policy()) if ask.policy else {})

    def _quotas(self) -> dict[Family, Samples]:
        now = time.time()
        told = {a: limit_of(h, now) for a, h in dict(self._counts.limits).items()}
        return {
            family: {
                (account,): value
                for account, limit in told.items()
                if (value := getattr(limit, name)) is not None
            }
            for family, name in ((f.REMAINING, "remaining"), (f.LIMIT, "limit"), (f.RESET, "reset"))
        }


def _audit(health: AuditHealth) -> dict[Family, Samples]:
    return {
        f.AUDIT_HEALTHY: {(): int(health.is_healthy)},
        f.AUDIT_BYTES: {(): -(-health.bytes // _MIB) * _MIB},
        f.AUDIT_LIMIT: {(): health.max_bytes},
        f.AUDIT_EVENTS: {(): health.events},
        f.AUDIT_SIGNED: {} if health.signed is None else {(): health.signed},
        f.SINK_LAG: {(name,): sink.lag_events for name, sink in health.sinks},
        f.SINK_SECONDS: {(name,): sink.lag_seconds for name, sink in health.sinks},
        f.SINK_FAILURES: {(name,): sink.failures for name, sink in health.sinks},
    }


def _renewed(standing: Standing) -> dict[Family, Samples]:
    return {
        f.POLICY_SINCE: {(): standing.since.timestamp()},
        f.POLICY_WAITING: {
            ("held",): int(standing.is_held),
            ("unusable",): int(standing.is_unusable),
        },
        f.POLICY_RELOADS: {(state,): n for state, n in standing.reloads.items()},
    }


def _metric(family: Family, samples: Samples) -> Metric:
    name, what, labels = family.name, family.what, family.labels
    if family.kind == "histogram":
        timed = HistogramMetricFamily(name, what, labels=labels)
        for key, value in samples.items():
            if isinstance(value, Histogram):
                timed.add_metric(key, _buckets(value), value.sum)
        return timed
    make = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = make(name, what, labels=labels)
    for key, value in samples.items():
        if not isinstance(value, Histogram):
            metric.add_metric(key, value)
    return metric


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    names = [*(str(bound) for bound in BOUNDS), "+Inf"]
    return list(zip(names, accumulate(histogram.counts), strict=True))
