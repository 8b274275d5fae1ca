"""What a monitoring system is told: counts, read fresh at each scrape, and no names."""

from __future__ import annotations

from flow import CATALOG
from prometheus_client.parser import text_string_to_metric_families

from sidecar.catalog import Reviewed
from sidecar.metrics import Metrics


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample: the metric's name and its labels' values, and the number."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_tools_that_changed_are_counted_as_they_are_now():
    reviewed = Reviewed(CATALOG)
    metrics = Metrics(reviewed)
    reviewed.see([{"name": "tool_a", "description": "x"}, {"name": "tool_b"}])
    assert set(read(metrics).values()) == {0.0}
    reviewed.see([{"name": "tool_a", "description": "y"}, {"name": "tool_c"}, {"name": "tool_d"}])
    assert read(metrics) == {
        ("sidecar_tools_drifted", "added"): 2.0,
        ("sidecar_tools_drifted", "changed"): 1.0,
        ("sidecar_tools_drifted", "removed"): 1.0,
    }
    assert b"tool_" not in metrics.text()
