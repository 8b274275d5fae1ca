"""What carries spans and metrics to a collector, in a thread of its own.

The road only puts a small record into a bounded queue. A collector that is slow, dead or hanging
costs calls nothing: what it does not take in time is dropped, and counted.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import structlog
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from sidecar import __version__
from sidecar.errors import Refusal
from sidecar.exchange import Exchange, Trace, trace_of
from sidecar.metrics import Exported, Family, Samples
from sidecar.settings import Rotating
from sidecar.telemetry.numbers import numbers
from sidecar.telemetry.spans import Seen, attributes, seen, spans

_log = structlog.get_logger("sidecar.telemetry")

MOST: Final = 2048
"""Exchanges that wait for the collector at most; further ones are dropped."""

BATCH: Final = 128
"""Exchanges that one request to the collector holds; writing more would hold the interpreter."""

_LINGER: Final = 1.0
"""Seconds that an exchange waits for others to be sent with it."""

_RANDOM: Final = 1 << 56
"""As many values have the last 14 digits of a trace id, which W3C wants random."""

_NAME: Final = "gladly-mcp-sidecar"

Read = Callable[[], Iterable[tuple[Family, Samples]]]


@dataclass(frozen=True, slots=True)
class Collector:
    """Where a collector is, and how it is spoken to. Times are seconds."""

    url: str
    headers: Rotating[dict[str, str]] | None = None
    context: ssl.SSLContext | None = None
    timeout: float = 5.0
    metrics_seconds: float = 60.0


class Exporter:
    """Takes what ended from the road, and sends it; from `start` on, with the numbers of `read`."""

    def __init__(self, collector: Collector, sample_ratio: float) -> None:
        self._collector = collector
        self._threshold = round(sample_ratio * _RANDOM)
        self._waiting: deque[Seen] = deque()
        self._wake = threading.Condition()
        self._is_stopping = False
        self._failing: set[str] = set()
        self._sent = 0
        self._dropped = 0
        self._since = time.time_ns()
        self._resource = Resource(
            attributes=attributes(
                {
                    "service.name": _NAME,
                    "service.version": __version__,
                    "service.instance.id": str(uuid.uuid4()),
                }
            )
        )
        self._scope = InstrumentationScope(name=_NAME, version=__version__)
        self._thread: threading.Thread | None = None

    @property
    def exported(self) -> Exported:
        """What became of the exchanges so far."""
        return Exported(self._sent, self._dropped)

    def ended(self, exchange: Exchange, status: str, refusal: Refusal | None) -> None:
        """Take an exchange, if it is a message that is sampled: a `Watch` of the road."""
        if exchange.message is None:
            return
        trace = trace_of(exchange)
        if not self._is_sampled(trace):
            return
        one = seen(exchange, trace, status, refusal, time.monotonic())
        with self._wake:
            if len(self._waiting) >= MOST:
                self._dropped += 1
                return
            self._waiting.append(one)
            if len(self._waiting) == BATCH:
                self._wake.notify()

    def start(self, read: Read) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, args=(read,), name="telemetry")
        # A collector that hangs must not keep the program from ending.
        self._thread.daemon = True
        self._thread.start()

    async def close(self) -> None:
        """Send what waits, no longer than the collector's timeout."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, self._collector.timeout)

    def _is_sampled(self, trace: Trace) -> bool:
        if trace.is_sampled is not None:
            return trace.is_sampled
        return int(trace.trace_id[-14:], 16) < self._threshold

    def _run(self, read: Read) -> None:
        collector = self._collector
        verify: Any = collector.context if collector.context is not None else True
        with httpx2.Client(trust_env=False, timeout=collector.timeout, verify=verify) as http:
            due = time.monotonic() + collector.metrics_seconds
            is_last = False
            while not is_last:
                batch, is_last = self._batch()
                if batch:
                    is_taken = self._post(http, "/v1/traces", self._traces(batch))
                    self._count(len(batch), is_taken=is_taken)
                if is_last or time.monotonic() >= due:
                    due = time.monotonic() + collector.metrics_seconds
                    self._post(http, "/v1/metrics", self._metrics(read))

    def _batch(self) -> tuple[list[Seen], bool]:
        """Wait for the next exchanges; whether they are the last ones."""
        with self._wake:
            self._wake.wait_for(lambda: self._is_stopping or len(self._waiting) >= BATCH, _LINGER)
            size = min(BATCH, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(size)]
            return batch, self._is_stopping and not self._waiting

    def _count(self, size: int, *, is_taken: bool) -> None:
        with self._wake:
            if is_taken:
                self._sent += size
            else:
                self._dropped += size

    def _traces(self, batch: list[Seen]) -> bytes:
        offset = time.time_ns() - time.monotonic_ns()
        written = [span for one in batch for span in spans(one, offset)]
        scoped = ScopeSpans(scope=self._scope, spans=written)
        whole = ResourceSpans(resource=self._resource, scope_spans=[scoped])
        return bytes(ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString())

    def _metrics(self, read: Read) -> bytes:
        written = numbers(read(), self._since, time.time_ns())
        scoped = ScopeMetrics(scope=self._scope, metrics=written)
        whole = ResourceMetrics(resource=self._resource, scope_metrics=[scoped])
        return bytes(ExportMetricsServiceRequest(resource_metrics=[whole]).SerializeToString())

    def _post(self, http: httpx2.Client, path: str, body: bytes) -> bool:
        """Send it once; whether it was taken. Told in the log when that changes."""
        headers = {"content-type": "application/x-protobuf"}
        if self._collector.headers is not None:
            headers |= self._collector.headers.value
        url = self._collector.url.rstrip("/") + path
        failure = ""
        try:
            # The answer's body is not read: nothing in it would be done.
            with http.stream("POST", url, content=body, headers=headers) as response:
                if not response.is_success:
                    failure = f"status {response.status_code}"
        except httpx2.HTTPError as error:
            failure = type(error).__name__
        if failure and path not in self._failing:
            self._failing.add(path)
            what = "the collector takes nothing there; it is dropped, and calls go on"
            _log.warning(what, path=path, cause=failure)
        elif not failure and path in self._failing:
            self._failing.remove(path)
            _log.info("the collector takes it again", path=path)
        return not failure
