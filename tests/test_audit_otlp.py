"""Lines to a collector by OTLP over HTTP: a real receiver that hangs, refuses and comes back."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from sealed import Scribe, lifecycle
from test_audit_shipping import BOUND, Log
from wire import Papers

from sidecar import audit
from sidecar.audit.sinks import Otlp, Undelivered
from sidecar.errors import ConfigError

pytestmark = pytest.mark.sockets


class Receiver(ThreadingHTTPServer):
    """A collector: parses what it is sent, and answers as it is told."""

    daemon_threads = True

    def __init__(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        if context:
            # The handshake is the connection's own thread's: a stranger holds up nobody else.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.rejected = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/logs"

    def end(self) -> None:
        self.may_answer.set()
        self.shutdown()
        self.server_close()
        self.thread.join(BOUND)

    @property
    def records(self) -> list[Any]:
        return [
            record
            for request in self.requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        self.server.may_answer.wait(BOUND)
        reply = ExportLogsServiceResponse()
        reply.partial_success.rejected_log_records = self.server.rejected
        if self.server.status == 200 and not self.server.rejected:
            self.server.requests.append(ExportLogsServiceRequest.FromString(content))
            self.server.headers.append(dict(self.headers))
        body = reply.SerializeToString()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.end()


def sink(receiver: Receiver, timeout: float = BOUND) -> Otlp:
    return Otlp(receiver.url, {"authorization": "Bearer secret-canary"}, timeout, "1.2.3")


def test_each_line_is_one_string_with_its_instance_and_number(receiver):
    scribe = Scribe()
    scribe.calls(2)
    scribe.add(lifecycle("stop", word='ünïcode \u2028 \\ "'))
    out = sink(receiver)
    out.send(scribe.lines)
    out.close()
    records = receiver.records
    assert [record.body.string_value.encode() + b"\n" for record in records] == scribe.lines
    told = [{a.key: a.value for a in record.attributes} for record in records]
    assert [one["audit.seq"].int_value for one in told] == [1, 2, 3, 4, 5]
    assert {one["audit.instance"].string_value for one in told} == {"pod-1:8080"}
    assert records[0].time_unix_nano == int(1795348800 * 1e9)
    (headers,) = receiver.headers
    assert headers["authorization"] == "Bearer secret-canary"
    assert headers["content-type"] == "application/x-protobuf"


def test_what_a_collector_received_verifies_as_a_stream(receiver):
    scribe = Scribe()
    scribe.calls(3)
    scribe.checkpoint()
    out = sink(receiver)
    out.send(scribe.lines)
    out.close()
    lines = [record.body.string_value.encode() + b"\n" for record in receiver.records]
    assert audit.verify_stream(lines, expected=["pod-1"]).is_valid


@pytest.mark.parametrize("status", [301, 400, 401, 429, 500, 503])
def test_a_collector_that_refuses_has_not_taken_the_lines(receiver, status):
    receiver.status = status
    scribe = Scribe()
    scribe.calls(1)
    out = sink(receiver)
    with pytest.raises(Undelivered, match=f"the collector answered {status}") as caught:
        out.send(scribe.lines)
    assert "canary" not in str(caught.value)
    out.close()


def test_a_collector_that_rejects_some_lines_has_not_taken_them(receiver):
    receiver.rejected = 1
    scribe = Scribe()
    scribe.calls(1)
    out = sink(receiver)
    with pytest.raises(Undelivered, match="rejected 1 of 2 lines"):
        out.send(scribe.lines)
    out.close()


def test_a_collector_that_hangs_is_given_up_in_time(receiver):
    receiver.may_answer.clear()
    scribe = Scribe()
    scribe.calls(1)
    out = sink(receiver, timeout=0.05)
    with pytest.raises(Undelivered, match="ReadTimeout"):
        out.send(scribe.lines)
    out.close()


def test_a_collector_that_comes_back_gets_every_line(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dead = Otlp(f"http://127.0.0.1:{port}/v1/logs", {}, BOUND, "1.2.3")
    log = Log(tmp_path / "audit", dead)
    log.write(3)
    log.until(lambda: log.of("otlp").failures >= 2)
    assert "ConnectError" in log.of("otlp").cause
    receiver = Receiver(port)
    log.write(300)
    log.until(lambda: log.of("otlp").lag_lines == 0)
    log.shipping.close(BOUND)
    bodies = [record.body.string_value.encode() + b"\n" for record in receiver.records]
    receiver.end()
    assert list(dict.fromkeys(bodies)) == log.scribe.lines


def test_a_collector_with_an_own_authority_is_trusted_where_that_is_named(tmp_path):
    papers = Papers(tmp_path).make()
    receiver = Receiver(context=papers.server())
    url = receiver.url.replace("http:", "https:")
    scribe = Scribe()
    scribe.calls(1)
    stranger = Otlp(url, {}, BOUND, "1.2.3")
    with pytest.raises(Undelivered, match="ConnectError"):
        stranger.send(scribe.lines)
    stranger.close()
    known = Otlp(url, {}, BOUND, "1.2.3", Path(papers.file("ca.pem")))
    known.send(scribe.lines)
    known.close()
    receiver.end()
    assert len(receiver.records) == 2


def test_without_the_extra_it_is_one_clear_problem(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.startswith("opentelemetry.proto")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.logs.v1", None)
    with pytest.raises(ConfigError, match=r"audit\.ship\.otlp_url: needs OpenTelemetry.*\[otel\]"):
        Otlp("http://127.0.0.1:1/v1/logs", {}, 1.0, "1.2.3")


def test_no_line_is_kept_in_memory_while_a_collector_is_dead(tmp_path: Path):
    """What waits is in the log: the pump holds a number and a hash."""
    dead = Otlp("http://127.0.0.1:1/v1/logs", {}, BOUND, "1.2.3")
    log = Log(tmp_path / "audit", dead)
    log.write(50)
    log.until(lambda: log.of("otlp").failures >= 1)
    assert log.of("otlp").lag_lines == 100
    log.shipping.close(BOUND)
    assert len((tmp_path / "audit" / "audit.cursor.anchors").read_bytes()) < 200
