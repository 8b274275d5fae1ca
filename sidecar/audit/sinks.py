"""Where audit lines go besides the log: standard output, a collector by OTLP, and anchors.

Each delivers in bounded time or raises `Undelivered`; whoever calls comes again with the same
lines. A line goes out as one opaque string, so that no collector can change a byte of it unseen.
"""

from __future__ import annotations

import os
import select
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import httpx2
import orjson
import structlog

from sidecar.audit.chain import parse
from sidecar.audit.reader import section
from sidecar.errors import ConfigError, Problem
from sidecar.log import ANCHORS

_anchors = structlog.get_logger(ANCHORS)

_CHECKPOINT = b'"what":"checkpoint"'
# POSIX: a pipe that is ready takes this much without blocking and without mixing.
_PIECE = min(select.PIPE_BUF, 4096)


class Undelivered(OSError):
    """Lines did not go out, or nobody said that they arrived. Its text holds nothing of them."""


class Sink(Protocol):
    """Somewhere that lines go."""

    name: str

    def send(self, lines: Sequence[bytes]) -> None:
        """Deliver whole lines in their order; raise Undelivered if that is not certain."""

    def close(self) -> None:
        """Give up what is open."""


class Anchors:
    """Tells each checkpoint's note in the operational log, as the event `audit anchor`.

    It does so whatever `log.level` says: what was told counts as kept, and pruning goes by it.

    Whoever collects that log outside the box holds what finds a cut tail and a rewritten history.
    """

    name = "anchors"

    def send(self, lines: Sequence[bytes]) -> None:
        """Tell the checkpoints among the lines."""
        for raw in lines:
            if _CHECKPOINT in raw and (record := parse(raw)):
                data = section(record, "data")
                if data.get("what") == "checkpoint":
                    _anchors.info("audit anchor", note=data.get("note"))

    def close(self) -> None:
        """Nothing is open."""


class Stdout:
    """Writes `{"audit": "<line>"}` to a file descriptor, standard output unless a test says other.

    Whoever reads has `timeout` seconds to make room; a line that was cut off then is written again
    whole, on a line of its own.
    """

    name = "stdout"

    def __init__(self, timeout: float, fd: int = 1) -> None:
        self._timeout = timeout
        self._fd = fd
        self._is_cut = False

    def send(self, lines: Sequence[bytes]) -> None:
        """Write the lines."""
        for raw in lines:
            text = orjson.dumps({"audit": raw.removesuffix(b"\n").decode("utf-8", "replace")})
            self._write((b"\n" if self._is_cut else b"") + text + b"\n")

    def close(self) -> None:
        """Leave it open: it is the process's."""

    def _write(self, text: bytes) -> None:
        until = time.monotonic() + self._timeout
        rest = memoryview(text)
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while rest:
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                raise Undelivered(f"nobody read standard output within {self._timeout} s")
            try:
                written = os.write(self._fd, rest[:_PIECE])
            except BlockingIOError:
                continue
            except OSError as error:
                raise Undelivered(f"standard output: {error.strerror}") from None
            rest = rest[written:]
            self._is_cut = bool(rest)


class Otlp:
    """Posts lines as OTLP log records over HTTP; a record's body is the line as a string.

    Attributes are `audit.instance` and `audit.seq`. The extra `otel` is needed: without it making
    one raises ConfigError. A collector that rejects a line has not taken it: it comes again.
    `ca_file` names the authorities to trust instead of the system's.
    """

    name = "otlp"

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        timeout: float,
        version: str,
        ca_file: Path | None = None,
    ) -> None:
        self._protocol = _protocol()
        self._url = url
        self._headers = {**headers, "content-type": "application/x-protobuf"}
        self._version = version
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._client = httpx2.Client(verify=context, timeout=timeout, trust_env=False)

    def send(self, lines: Sequence[bytes]) -> None:
        """Post the lines as one request."""
        try:
            reply = self._client.post(
                self._url, content=self._request(lines), headers=self._headers
            )
        except httpx2.HTTPError as error:
            raise Undelivered(f"the collector: {type(error).__name__}") from None
        if reply.status_code != httpx2.codes.OK:
            raise Undelivered(f"the collector answered {reply.status_code}")
        if rejected := self._rejected(reply.content):
            raise Undelivered(f"the collector rejected {rejected} of {len(lines)} lines")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, lines: Sequence[bytes]) -> bytes:
        request = self._protocol.ExportLogsServiceRequest()
        resource = request.resource_logs.add()
        _attribute(resource.resource.attributes, "service.name", "gladly-mcp-sidecar")
        _attribute(resource.resource.attributes, "service.version", self._version)
        scope = resource.scope_logs.add()
        scope.scope.name = "sidecar.audit"
        now = time.time_ns()
        for raw in lines:
            record, entry = parse(raw) or {}, scope.log_records.add()
            entry.time_unix_nano = _nanos(record.get("ts"))
            entry.observed_time_unix_nano = now
            entry.severity_number, entry.severity_text = 9, "INFO"
            entry.body.string_value = raw.removesuffix(b"\n").decode("utf-8", "replace")
            _attribute(entry.attributes, "audit.instance", str(record.get("instance", "")))
            _attribute(entry.attributes, "audit.seq", int(record.get("seq", 0)))
        content: bytes = request.SerializeToString()
        return content

    def _rejected(self, content: bytes) -> int:
        reply = self._protocol.ExportLogsServiceResponse()
        try:
            reply.ParseFromString(content)
        except ValueError:
            return 0  # a collector that answers 200 in other words took them
        return int(reply.partial_success.rejected_log_records)


def _protocol() -> Any:
    try:
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
    except ImportError:
        what = "needs OpenTelemetry, which is not installed"
        remedy = "pip install 'gladly-mcp-sidecar[otel]'"
        raise ConfigError([Problem("audit.ship.otlp_url", what, remedy)]) from None
    return logs_service_pb2


def _attribute(attributes: Any, key: str, value: str | int) -> None:
    entry = attributes.add()
    entry.key = key
    if isinstance(value, int):
        entry.value.int_value = value
    else:
        entry.value.string_value = value


def _nanos(ts: Any) -> int:
    """Read a line's time as nanoseconds; 0, which OTLP reads as unknown, if it is none."""
    try:
        return int(datetime.fromisoformat(str(ts)).timestamp() * 1_000_000) * 1000
    except (ValueError, OverflowError):
        return 0
