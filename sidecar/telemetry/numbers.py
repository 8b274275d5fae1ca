"""The numbers of `/metrics` as OTLP writes them: the same families, the same values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from sidecar.metrics import BOUNDS, Family, Histogram, Samples
from sidecar.telemetry.spans import attributes


def numbers(families: Iterable[tuple[Family, Samples]], since: int, now: int) -> Iterator[Metric]:
    """Every family that has a sample; `since` and `now` are Unix nanoseconds."""
    for family, samples in families:
        if samples:
            yield _metric(family, samples, since, now)


def _metric(family: Family, samples: Samples, since: int, now: int) -> Metric:
    metric = Metric(name=family.name.removesuffix("_total"), description=family.what)
    metric.unit = "s" if "seconds" in family.name else "By" if "bytes" in family.name else "1"
    for values, value in samples.items():
        labels = attributes(dict(zip(family.labels, values, strict=True)))
        if isinstance(value, Histogram):
            buckets = list(value.counts)  # the road counts on while this is written
            metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            metric.histogram.data_points.append(
                HistogramDataPoint(
                    attributes=labels,
                    start_time_unix_nano=since,
                    time_unix_nano=now,
                    count=sum(buckets),
                    sum=value.sum,
                    bucket_counts=buckets,
                    explicit_bounds=BOUNDS,
                )
            )
            continue
        point = NumberDataPoint(
            attributes=labels, start_time_unix_nano=since, time_unix_nano=now, as_double=value
        )
        if family.kind == "counter":
            metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            metric.sum.is_monotonic = True
            metric.sum.data_points.append(point)
        else:
            metric.gauge.data_points.append(point)
    return metric
