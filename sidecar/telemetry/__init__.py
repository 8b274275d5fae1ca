"""Traces and metrics for an OpenTelemetry collector, by the MCP and GenAI conventions.

Imported only where the settings have `telemetry`: it needs the extra `otel`. What is sent holds no
argument, no result, no person, and no name of a tool that is hidden from its caller. Protobuf is
written here and sent by httpx2, since the SDK's exporter reads the environment, takes its proxy
from there, and drops what it cannot send without a number that could be asked for.
"""

from sidecar.telemetry.export import Collector, Exporter
from sidecar.telemetry.spans import Seen, seen

__all__ = ["Collector", "Exporter", "Seen", "seen"]
