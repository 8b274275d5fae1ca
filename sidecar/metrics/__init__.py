"""What a monitoring system is told: Prometheus' text format, read fresh at each scrape.

An agent in the same pod can read it too, so that no label names a tool, a caller or an endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from sidecar.catalog import Reviewed

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The numbers of one running sidecar."""

    def __init__(self, reviewed: Reviewed) -> None:
        self._reviewed = reviewed
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Every number as it is now, in the format of CONTENT_TYPE."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Read the numbers; the registry calls this at each scrape."""
        drifted = GaugeMetricFamily(
            "sidecar_tools_drifted",
            "Tools of the backend that differ from what was reviewed; callers are refused them.",
            labels=["how"],
        )
        for how, names in asdict(self._reviewed.drift).items():
            drifted.add_metric([how], len(names))
        yield drifted
