"""The metrics that there are: one declaration each, from which text, OTLP and README are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from sidecar.metrics.counts import Histogram

Value = float | Histogram
Samples = Mapping[tuple[str, ...], Value]
"""Values by the labels' values."""


class Family(NamedTuple):
    """One metric. A counter's name ends in `_total`; an info is a gauge of 1 with labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    what: str
    labels: tuple[str, ...] = ()


REQUESTS: Final = Family(
    "sidecar_requests_total",
    "counter",
    "Requests that ended, by verdict (`allowed`, `masked`, `refused`, `rate_limited`, `cancelled`, "
    "`error`) and class of the HTTP status; `none`: nobody known, nobody there any more.",
    ("account", "verdict", "http"),
)
REFUSALS: Final = Family(
    "sidecar_refusals_total",
    "counter",
    "Refusals of what callers did: `unauthenticated` and `scope_missing` are bad bearer tokens, "
    "`not_found` unknown endpoints; `denied`, `malformed`, `inadmissible`, `other`.",
    ("kind",),
)
FAILURES: Final = Family(
    "sidecar_failures_total",
    "counter",
    "Answers 5xx, by the reason that the log has, too: what of ours or the backend's failed.",
    ("account", "reason"),
)
BACKEND: Final = Family(
    "sidecar_backend_requests_total",
    "counter",
    "Requests sent to the backend, by what came of them: `answered`, `rate_limited` (429), "
    "`failed`, `timed_out`, `broken_off`.",
    ("account", "answer"),
)
REMAINING: Final = Family(
    "sidecar_ratelimit_remaining",
    "gauge",
    "What the backend last said is left of the quota that all callers of an account share.",
    ("account",),
)
LIMIT: Final = Family("sidecar_ratelimit_limit", "gauge", "The size of that quota.", ("account",))
RESET: Final = Family(
    "sidecar_ratelimit_reset_seconds", "gauge", "Seconds until it is whole again.", ("account",)
)
SECONDS: Final = Family(
    "sidecar_seconds",
    "histogram",
    "How long it took: the `whole` request, to `decide`, to `record` intent and outcome, until the "
    "`backend` answered, to `redact`. Without streams that only listen.",
    ("part",),
)
STREAMS: Final = Family("sidecar_streams_open", "gauge", "Streams that are open.")
RESULTS: Final = Family(
    "sidecar_results_total",
    "counter",
    "Results that were scanned: `clean`, `masked`, or `withheld` because they could not be "
    "scanned or something was left after masking.",
    ("state",),
)
MASKED: Final = Family(
    "sidecar_masked_total", "counter", "Values that were masked, by kind.", ("entity",)
)
SHADOW: Final = Family(
    "sidecar_shadow_decisions_total",
    "counter",
    "Calls and lists that a policy in shadow judged, too, by what it would have changed: `same`, "
    "`deny` (allowed, and it would refuse or hide), `allow`, `mask`; `failed`: it gave no verdict.",
    ("result",),
)
AUDIT_HEALTHY: Final = Family(
    "sidecar_audit_healthy", "gauge", "1 while the audit log can be written; else 0, and no call."
)
AUDIT_BYTES: Final = Family(
    "sidecar_audit_bytes",
    "gauge",
    "Size of the audit log, rounded up to whole MiB: the length of one event is nobody's to learn.",
)
AUDIT_LIMIT: Final = Family(
    "sidecar_audit_limit_bytes", "gauge", "The size that it never passes (`audit.max_bytes`)."
)
AUDIT_EVENTS: Final = Family(
    "sidecar_audit_events", "gauge", "Number of the last event in the audit log."
)
AUDIT_SIGNED: Final = Family(
    "sidecar_audit_checkpoint_size", "gauge", "Number of the last event that a checkpoint signs."
)
SINK_LAG: Final = Family(
    "sidecar_audit_sink_lag_events", "gauge", "Events that a sink has not got yet.", ("sink",)
)
SINK_SECONDS: Final = Family(
    "sidecar_audit_sink_lag_seconds", "gauge", "Age of the oldest of them.", ("sink",)
)
SINK_FAILURES: Final = Family(
    "sidecar_audit_sink_failures_total", "counter", "Attempts that failed.", ("sink",)
)
DRIFTED: Final = Family(
    "sidecar_tools_drifted",
    "gauge",
    "Tools of the backend that differ from what was reviewed; callers are refused them.",
    ("how",),
)
STALE: Final = Family(
    "sidecar_tools_stale", "gauge", "1 while a list of tools could not be read for long; else 0."
)
SPANS: Final = Family(
    "sidecar_telemetry_spans_total",
    "counter",
    "Spans for the collector: `sent`, or `dropped` because it did not take them in time.",
    ("state",),
)
POLICY: Final = Family(
    "sidecar_policy_info", "gauge", "The policy that decides, by its SHA-256.", ("digest",)
)
POLICY_SINCE: Final = Family(
    "sidecar_policy_since_timestamp_seconds", "gauge", "When it began to decide, in Unix time."
)
POLICY_WAITING: Final = Family(
    "sidecar_policy_waiting",
    "gauge",
    "1 while the newest policy does not decide: `held` back until it is confirmed, or `unusable`.",
    ("why",),
)
POLICY_RELOADS: Final = Family(
    "sidecar_policy_reloads_total",
    "counter",
    "Newer policies, by what became of them: `live`, `held`, `unusable`.",
    ("state",),
)
CATALOG: Final = Family(
    "sidecar_catalog_info", "gauge", "The catalog of tools, by its SHA-256.", ("digest",)
)
BUILD: Final = Family("sidecar_build_info", "gauge", "The version that runs.", ("version",))

FAMILIES: Final = (
    REQUESTS, REFUSALS, FAILURES, BACKEND, REMAINING, LIMIT, RESET, SECONDS, STREAMS, RESULTS,
    MASKED, SHADOW, AUDIT_HEALTHY, AUDIT_BYTES, AUDIT_LIMIT, AUDIT_EVENTS, AUDIT_SIGNED, SINK_LAG,
    SINK_SECONDS, SINK_FAILURES, DRIFTED, STALE, SPANS, POLICY,
    POLICY_SINCE, POLICY_WAITING, POLICY_RELOADS, CATALOG, BUILD,
)  # fmt: skip


def table() -> str:
    """A Markdown table of every metric, for the README."""
    lines = ["| Metric | Kind | Labels | What |", "|---|---|---|---|"]
    for one in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.what} |")
    return "\n".join(lines) + "\n"
