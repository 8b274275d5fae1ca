"""Telemetry on its way to a collector, that may be slow, dead or hanging."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from flow import ask, call, flow, modern, result, tool_result
from gladly_fixtures import listening
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from settings_parts import CANARY
from starlette.types import Receive, Scope, Send
from world import Behind, caller, logged, served

from sidecar.local.processes import free_port
from sidecar.metrics import Metrics, Sources
from sidecar.settings import Rotating, headers_in
from sidecar.telemetry import Collector, Exporter

pytestmark = pytest.mark.anyio

READ = "get_single_gladly_customer_by_id"
GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def tagged(one: Any) -> dict[str, str]:
    """The attributes of a resource or a point."""
    return {each.key: each.value.string_value for each in one.attributes}


@dataclass
class Receiver:
    """A collector: keeps what it was sent, taken apart; answers with `status`, if it is let."""

    status: int = 200
    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[bytes, bytes]] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    is_hanging: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        self._keep(scope["path"], body)
        self.headers.append(dict(scope["headers"]))
        self.reached.set()
        if self.is_hanging:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _keep(self, path: str, body: bytes) -> None:
        if path == "/otlp/v1/traces":
            for whole in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(tagged(whole.resource))
                self.spans += [span for scoped in whole.scope_spans for span in scoped.spans]
        elif path == "/otlp/v1/metrics":
            for numbers in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [one for scoped in numbers.scope_metrics for one in scoped.metrics]


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    made = Receiver()
    with listening(made) as url:
        yield made, f"{url}/otlp"


async def exporting(folder: Path, exporter: Exporter, calls: int) -> Metrics:
    """Make some calls, and close; gives the numbers as they are then."""
    async with flow(folder, watches=(exporter.ended,)) as f:
        f.backend.reply = tool_result({"id": "x"})
        metrics = Metrics(f.counts, Sources(exported=lambda: exporter.exported))
        exporter.start(metrics.read)
        for _ in range(calls):
            assert (await f.ask(call(READ, id="x"))).status_code == 200
    await exporter.close()
    return metrics


@pytest.mark.sockets
async def test_a_collector_gets_spans_and_the_numbers_of_the_text(tmp_path, receiver):
    kept, url = receiver
    (tmp_path / "headers").write_text("x-key: k1\nx-other:  o \n")
    headers = Rotating(headers_in, tmp_path / "headers")
    exporter = Exporter(Collector(url, headers), 1.0)
    metrics = await exporting(tmp_path, exporter, 3)
    assert [span.name for span in kept.spans] == [f"tools/call {READ}"] * 6
    assert kept.resources[0]["service.name"] == "gladly-mcp-sidecar"
    assert kept.headers[0][b"x-key"] == b"k1"
    assert kept.headers[0][b"content-type"] == b"application/x-protobuf"
    assert b"user-agent" in kept.headers[0]
    by_name = {one.name: one for one in kept.metrics}
    (point,) = by_name["sidecar_requests"].sum.data_points
    assert tagged(point) == {"account": "default", "verdict": "allowed", "http": "2xx"}
    assert (point.as_double, by_name["sidecar_requests"].sum.is_monotonic) == (3.0, True)
    whole = next(
        p for p in by_name["sidecar_seconds"].histogram.data_points if tagged(p)["part"] == "whole"
    )
    assert (whole.count, len(whole.bucket_counts)) == (3, len(whole.explicit_bounds) + 1)
    assert by_name["sidecar_audit_healthy"].gauge.data_points[0].as_double == 1.0
    sent = 'sidecar_telemetry_spans_total{state="sent"} 3.0'
    assert sent in metrics.text().decode()


@pytest.mark.sockets
async def test_a_dead_collector_harms_no_call_and_what_it_lost_is_counted(tmp_path):
    exporter = Exporter(Collector(f"http://127.0.0.1:{free_port()}"), 1.0)
    metrics = await exporting(tmp_path, exporter, 3)
    dropped = 'sidecar_telemetry_spans_total{state="dropped"} 3.0'
    assert dropped in metrics.text().decode()


@pytest.mark.sockets
@pytest.mark.parametrize("status", [302, 404, 503])
async def test_what_a_collector_does_not_take_is_counted_as_dropped(tmp_path, receiver, status):
    kept, url = receiver
    kept.status = status
    exporter = Exporter(Collector(url), 1.0)
    await exporting(tmp_path, exporter, 2)
    assert (exporter.exported.sent, exporter.exported.dropped) == (0, 2)


@pytest.mark.sockets
async def test_a_hanging_collector_harms_no_call_and_the_queue_stays_bounded(
    tmp_path, receiver, monkeypatch
):
    kept, url = receiver
    kept.is_hanging = True
    monkeypatch.setattr("sidecar.telemetry.export.MOST", 5)
    monkeypatch.setattr("sidecar.telemetry.export.BATCH", 1)
    exporter = Exporter(Collector(url, timeout=0.5), 1.0)
    async with flow(tmp_path, watches=(exporter.ended,)) as f:
        f.backend.reply = tool_result({"id": "x"})
        exporter.start(list)
        await f.ask(call(READ, id="x"))
        assert await asyncio.to_thread(kept.reached.wait, 10)
        for _ in range(20):
            assert (await f.ask(call(READ, id="x"))).status_code == 200
        assert exporter.exported.dropped >= 15
        assert len(f.events("outcome")) == 21
    async with asyncio.timeout(10):
        await exporter.close()


async def test_a_share_of_the_traces_is_sent_and_a_caller_decides_for_its_own(tmp_path):
    none, half, every = (Exporter(Collector("http://nowhere"), r) for r in (0.0, 0.5, 1.0))
    watches = (none.ended, half.ended, every.ended)
    async with flow(tmp_path, watches=watches) as f:
        f.backend.reply = result({})
        for _ in range(60):
            await f.ask(ask("ping"))
        sizes = [len(one._waiting) for one in (none, half, every)]
        assert sizes[0] == 0
        assert 5 < sizes[1] < 55  # both fail by chance once in 10^12 runs
        assert sizes[2] == 60
        await f.ask(ask("ping"), headers={"traceparent": GIVEN})
        await f.ask(ask("ping"), headers={"traceparent": f"{GIVEN[:-1]}0"})
        assert (len(none._waiting), len(every._waiting)) == (1, 61)
    await every.close()


async def test_what_waits_beyond_the_bound_is_dropped_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("sidecar.telemetry.export.MOST", 2)
    exporter = Exporter(Collector("http://nowhere"), 1.0)
    async with flow(tmp_path, watches=(exporter.ended,)) as f:
        f.backend.reply = result({})
        for _ in range(5):
            await f.ask(ask("ping"))
    assert (exporter.exported.dropped, len(exporter._waiting)) == (3, 2)


@pytest.mark.thorough
def test_a_sidecar_without_the_section_never_loads_the_extra():
    code = (
        "import sys, sidecar.serving, sidecar.cli, sidecar.monitoring;"
        "print([m for m in sys.modules if m.split('.')[0] == 'opentelemetry' "
        "or m.startswith('sidecar.telemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.sockets
async def test_a_real_sidecar_sends_what_it_counts_and_leads_from_a_span_to_its_event(
    tmp_path, receiver
):
    kept, url = receiver

    async def backend(scope: Scope, receive: Receive, send: Send) -> None:
        reply = tool_result({"id": "x", "note": CANARY})
        headers = [(b"content-type", b"application/json"), (b"ratelimit-remaining", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    section = {"otlp_url": url, "timeout": 10}
    with served(backend, has_list=False) as target:
        async with Behind(tmp_path, f"{target}/mcp", telemetry=section) as sidecar:
            async with caller(sidecar.bearer("agent")) as http:
                body, headers = modern(call(READ, id=CANARY))
                answer = await http.post(sidecar.url("triage"), json=body, headers=headers)
                assert answer.status_code == 200
                port = yaml.safe_load((tmp_path / "sidecar.yaml").read_text())["admin"]["port"]
                text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            await sidecar.stop_sidecar()
            (event,) = logged(sidecar, "intent", tool=READ)
    assert 'sidecar_requests_total{account="default",http="2xx",verdict="allowed"} 1.0' in text
    assert 'sidecar_ratelimit_remaining{account="default"} 4.0' in text
    assert "sidecar_policy_info{digest=" in text
    server = next(span for span in kept.spans if span.name == f"tools/call {READ}")
    assert server.trace_id.hex() == event["trace"]["trace_id"] == event["id"].replace("-", "")
    requests = next(one for one in kept.metrics if one.name == "sidecar_requests")
    assert requests.sum.data_points[0].as_double == 1.0
    assert CANARY not in f"{kept.spans} {kept.metrics} {text}"
