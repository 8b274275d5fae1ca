"""Where audit lines go besides the log's folder."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from pydantic import Field

from sidecar.settings.headers import HeadersFile
from sidecar.settings.kinds import Fault, PlainUrl, ReadableFile, Section


class Ship(Section):
    """Each line of the audit log as one string, byte for byte, to whoever collects it."""

    stdout: bool = Field(
        default=False, description='Each audit line on standard output, as `{"audit": "<line>"}`.'
    )
    otlp_url: PlainUrl | None = Field(
        None,
        description="URL of a collector that takes audit lines as log records (OTLP over HTTP); "
        "it ends in `/v1/logs`. Needs the extra `otel`.",
    )
    otlp_headers_file: HeadersFile | None = Field(
        None, description="File with headers for that collector, `name: value` on each line."
    )
    otlp_ca_file: ReadableFile | None = Field(
        None, description="PEM file with the authorities to trust for it instead of the system's."
    )
    timeout: float = Field(
        5.0,
        gt=0,
        le=60,
        allow_inf_nan=False,
        description="Seconds that each may take for what it is given, and at the end to catch up.",
    )

    def faults(self) -> Iterator[Fault]:
        """Headers have somewhere to go, and what writes OTLP is installed."""
        for key in ("otlp_headers_file", "otlp_ca_file"):
            if getattr(self, key) is not None and self.otlp_url is None:
                yield Fault(key, "has no use without otlp_url", "set otlp_url")
        if self.otlp_url is not None and not _is_installed():
            what = "needs what is not installed"
            yield Fault("otlp_url", what, "pip install 'gladly-mcp-sidecar[otel]'")


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.proto") is not None
    except ModuleNotFoundError:
        return False
