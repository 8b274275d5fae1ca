"""`sidecar serve` as a process: how it ends, and what makes it not begin."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import flow
import httpx2
import orjson
import pytest
import yaml
from anyio import to_thread
from starlette.types import Receive, Scope, Send
from world import PATIENCE, Behind, caller, ended, logged, served

from sidecar import audit, sse

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

GRACE = 1.0
"""Seconds that open work gets here at shutdown."""


class Slow:
    """A backend that holds a call until it is let go, and a listener's stream for good."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.go = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        asked = orjson.loads(body) if body else {}
        if asked.get("method") == "tools/call":
            await self._answer(asked["id"], send)
        else:
            await self._listen(receive, send)

    async def _answer(self, request_id: int, send: Send) -> None:
        self.asked.set()
        await to_thread.run_sync(self.go.wait, PATIENCE)
        reply = flow.tool_result({"result": []}, request_id)
        headers = [(name.encode(), value.encode()) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _listen(self, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        first = sse.serialise(sse.ServerEvent(orjson.dumps(CHANGED)))
        await send({"type": "http.response.body", "body": first, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass


CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


@pytest.fixture
def slow() -> Iterator[tuple[Slow, str]]:
    backend = Slow()
    with served(backend, has_list=False) as url:
        yield backend, f"{url}/mcp"
        backend.go.set()


def assert_ended_well(sidecar: Behind) -> None:
    """The log ends with the stop and its checkpoint, nothing in it is open, and its chain holds."""
    ends = [orjson.loads(line) for line in sidecar.audit_log.read_bytes().splitlines()[-2:]]
    assert [(one["stage"], one["data"]["what"]) for one in ends] == [
        ("lifecycle", "stop"),
        ("lifecycle", "checkpoint"),
    ]
    assert audit.verify(sidecar.audit_log).is_valid
    intents = {event["id"] for event in logged(sidecar, "intent")}
    assert {event["ref"] for event in logged(sidecar)} == intents


async def test_an_idle_sidecar_stops_at_once(slow, tmp_path):
    async with Behind(tmp_path, slow[1]) as sidecar:
        with anyio.fail_after(5):
            assert await ended(sidecar.process) == 0
        assert_ended_well(sidecar)


async def refused(port: int) -> None:
    """Return once nobody listens at a port of this machine any more."""
    with anyio.fail_after(PATIENCE):
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
            except OSError:
                return


async def test_a_call_in_flight_is_finished_while_nobody_new_is_let_in(slow, tmp_path):
    backend, target = slow
    answers: list[httpx2.Response] = []

    async def call(http: httpx2.AsyncClient, url: str) -> None:
        answers.append(await http.post(url, json=flow.call("list_all_gladly_inboxes")))

    async with (
        Behind(tmp_path, target) as sidecar,
        caller(sidecar.bearer("agent")) as http,
        anyio.create_task_group() as group,
    ):
        group.start_soon(call, http, sidecar.url("triage"))
        assert await to_thread.run_sync(backend.asked.wait, PATIENCE)
        sidecar.process.terminate()
        await refused(int(sidecar.sidecar_url.rpartition(":")[2]))
        assert not answers
        backend.go.set()
        assert await ended(sidecar.process) == 0
    assert answers[0].json()["result"]["structuredContent"] == {"result": []}
    assert logged(sidecar)[-1]["outcome"]["status"] == "ok"
    assert_ended_well(sidecar)


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_a_listener_holds_the_end_up_no_longer_than_the_grace_period(slow, tmp_path, verb):
    listen, headers = flow.modern(flow.ask("subscriptions/listen", "listen"))
    body = listen if verb == "POST" else None
    async with (
        Behind(tmp_path, slow[1], limits={"grace": GRACE}) as sidecar,
        caller(sidecar.bearer("agent")) as http,
        http.stream(verb, sidecar.url("triage"), json=body, headers=headers) as stream,
    ):
        chunks = stream.aiter_raw()
        assert b"list_changed" in await anext(chunks)
        with anyio.fail_after(GRACE + 3):
            assert await ended(sidecar.process) == 0
            assert await drained(chunks)
    assert logged(sidecar)[-1]["outcome"]["status"] == "stream_ended"
    assert_ended_well(sidecar)


async def drained(chunks: Any) -> bool:
    """Whether a stream ends, be it properly or cut."""
    try:
        async for _ in chunks:
            pass
    except httpx2.TransportError:
        return True
    return True


# ---- what makes it not begin ---------------------------------------------------------------


@contextmanager
def taken_ports() -> Iterator[tuple[int, int]]:
    """Two ports on which somebody listens already."""
    here = ("127.0.0.1", 0)
    with socket.create_server(here) as one, socket.create_server(here) as two:
        yield one.getsockname()[1], two.getsockname()[1]


def configured(folder: Path, ports: tuple[int, int], **changes: dict[str, Any]) -> Path:
    """A good settings file for these ports, or one changed by section."""
    sidecar = Behind(folder, "http://127.0.0.1:9/mcp", **changes)
    sidecar._secret("backend-token")
    sidecar._secret("bearer-secret")
    sidecar._secret("endpoint-key")
    file = folder / "sidecar.yaml"
    file.write_text(yaml.safe_dump(sidecar._settings(*ports), sort_keys=False))
    return file


def serve(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sidecar", "serve", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("which", ["listen", "admin"])
def test_a_taken_port_is_told_and_ends_the_sidecar(tmp_path, which):
    with taken_ports() as ports:
        pair = (ports[0], 0) if which == "listen" else (0, ports[0])
        done = serve(configured(tmp_path, pair))
        assert done.returncode == 1
        assert f"{ports[0]}" in done.stderr
        assert "address already in use" in done.stderr
        assert "cannot be had: stop what uses it" in done.stderr
        assert "Traceback" not in done.stderr
    assert audit.verify(tmp_path / "audit" / "audit.jsonl").is_valid


FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a setting": ("listen", {"prot": 8080}, r"sidecar\.yaml:\d+ listen\.prot: is no setting"),
    "the policy": ("policy", {"site_folder": "site"}, r"site/own\.rego:3: \S"),
    "the catalog": ("catalog", {"folders": ["site"]}, r"site/own\.yaml:\d+: \S"),
}
SITE = {
    "own.rego": "package site.own\n\nlimit := := 1\n",
    "own.yaml": "resource: own\ntools:\n  - name: [\n",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_what_was_configured_is_told_with_its_line_before_anything_opens(
    tmp_path, fault
):
    section, change, told = FAULTS[fault]
    (tmp_path / "site").mkdir()
    for name, content in SITE.items():
        (tmp_path / "site" / name).write_text(content)
    absolute = {key: _in(tmp_path, value) for key, value in change.items()}
    with taken_ports() as ports:  # whoever tried to listen would complain of these and exit with 1
        done = serve(configured(tmp_path, ports, **{section: absolute}))
    assert done.returncode == 2
    assert re.search(told, done.stderr), done.stderr
    assert "nothing was started" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "audit").exists()


def _in(folder: Path, value: Any) -> Any:
    """The same setting, with folders in the test's own."""
    if isinstance(value, list):
        return [_in(folder, inner) for inner in value]
    return str(folder / value) if isinstance(value, str) else value
