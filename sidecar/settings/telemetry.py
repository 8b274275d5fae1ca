"""The section of traces and metrics for an OpenTelemetry collector."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field

from sidecar.settings.headers import HeadersFile
from sidecar.settings.kinds import Fault, PlainUrl, ReadableFile, Section

_PART: Final = "opentelemetry.proto"
"""What of the extra is used; pydantic and the rest of the sidecar never need it."""


class Telemetry(Section):
    """Traces and metrics, sent to a collector; without this section nothing is sent."""

    otlp_url: PlainUrl = Field(
        description="Base URL of a collector (OTLP over HTTP), which gets traces and metrics; "
        "`/v1/traces` and `/v1/metrics` are added. Needs the extra `otel`."
    )
    headers_file: HeadersFile | None = Field(
        None, description="File with headers for the collector, `name: value` on each line."
    )
    ca_file: ReadableFile | None = Field(
        None, description="PEM file with the authorities to trust instead of the system's."
    )
    sample_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Share of the traces that is sent; a caller who sends a trace context decides "
        "for its own.",
    )
    timeout: float = Field(
        5.0, gt=0, le=60, allow_inf_nan=False, description="Seconds that the collector may take."
    )
    metrics_seconds: float = Field(
        60.0, ge=1, le=3600, allow_inf_nan=False, description="Seconds between two sets of metrics."
    )

    def faults(self) -> Iterator[Fault]:
        """A base URL, and the extra that writes what is sent there."""
        if urlsplit(self.otlp_url).query:
            yield Fault("otlp_url", "must not have a query", "http://127.0.0.1:4318")
        if not _is_installed():
            what = "needs what is not installed"
            yield Fault("otlp_url", what, "pip install 'gladly-mcp-sidecar[otel]'")


def _is_installed() -> bool:
    try:
        return find_spec(_PART) is not None
    except ModuleNotFoundError:
        return False
