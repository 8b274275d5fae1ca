"""`sidecar serve` as a process: it comes up, answers, stops cleanly, or says why it cannot."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import yaml

from sidecar import audit, serving
from sidecar.endpoint import Endpoint
from sidecar.settings import Listen

pytestmark = pytest.mark.sockets

SETTINGS: dict[str, Any] = {
    "backend": {"url": "http://127.0.0.1:9/mcp"},
    "bearer": {"audience": "sidecar"},
    "endpoints": [{"name": "support", "methods": ["read"]}],
}


def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configured(folder: Path, **changes: Any) -> Path:
    """Settings for a sidecar on free ports of this machine."""
    (folder / "secret").write_text("s" * 48)
    (folder / "secret").chmod(0o600)
    listening = {"listen": {"port": port()}, "admin": {"port": port()}}
    made = SETTINGS | listening | {"audit": {"folder": str(folder / "audit")}} | changes
    keys = {"issuer": "https://issuer.example", "hs256_secret_file": str(folder / "secret")}
    made["bearer"] = made["bearer"] | {"issuers": [keys]}
    made["endpoint_key_file"] = str(folder / "secret")
    file = folder / "sidecar.yaml"
    file.write_text(yaml.safe_dump(made))
    return file


def started(file: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "sidecar", "serve", "--config", str(file)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """How a process ends by itself, and all it said."""
    out, err = process.communicate(timeout=20)
    assert "Traceback" not in out + err
    return process.returncode, out + err


@contextlib.contextmanager
def serving_at(file: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A sidecar that is ready, with its two addresses."""
    made = yaml.safe_load(file.read_text())
    mcp, admin = (f"http://127.0.0.1:{made[name]['port']}" for name in ("listen", "admin"))
    process = started(file)
    try:
        pause = threading.Event()
        for _ in range(400):
            assert process.poll() is None, process.communicate()
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"{admin}/readyz", trust_env=False).status_code == 200:
                    break
            pause.wait(0.025)
        yield process, mcp, admin
    finally:
        process.kill()
        process.communicate()


def test_a_sidecar_serves_until_it_is_told_to_stop_and_leaves_a_whole_log(tmp_path):
    with serving_at(configured(tmp_path)) as (process, mcp, admin):
        assert httpx2.get(f"{admin}/livez", trust_env=False).text == "ok\n"
        refused = httpx2.post(f"{mcp}/mcp", json={}, trust_env=False)
        assert refused.status_code == 401
        assert "server" not in refused.headers
        assert httpx2.get(f"{mcp}/livez", trust_env=False).status_code == 404
        process.terminate()
        code, said = ended(process)
    assert code == 0
    assert "s" * 48 not in said
    log = tmp_path / "audit" / "audit.jsonl"
    assert audit.verify(log).is_valid
    assert audit.verify(log).has_clean_stop
    records = map(orjson.loads, log.read_bytes().splitlines())
    stages = [r["stage"] for r in records if r.get("data", {}).get("what") != "checkpoint"]
    assert stages == ["lifecycle", "outcome", "outcome", "lifecycle"]


@pytest.mark.parametrize("name", ["listen", "admin"])
def test_a_port_that_is_taken_ends_both_listeners_with_exit_1(tmp_path, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        code, said = ended(started(configured(tmp_path, **{name: {"port": number}})))
    assert code == 1
    assert str(number) in said
    assert audit.verify(tmp_path / "audit" / "audit.jsonl").has_clean_stop


def test_a_log_that_another_sidecar_writes_is_a_problem(tmp_path):
    with serving_at(configured(tmp_path)):
        code, said = ended(started(configured(tmp_path)))
    assert code == 2
    assert "audit.jsonl" in said


def test_an_opa_that_does_not_answer_is_a_problem_and_nothing_listens(tmp_path):
    policy = {"engine": "opa", "opa_url": f"http://127.0.0.1:{port()}"}
    code, said = ended(started(configured(tmp_path, policy=policy)))
    assert code == 2
    assert "opa run --server" in said


def test_a_listener_tells_nothing_of_itself_and_trusts_no_header_of_a_proxy():
    made = serving.listener("listen", Endpoint.__call__, Listen(), 0.2)
    assert (made.config.server_header, made.config.date_header) == (False, False)
    assert not made.config.proxy_headers
    assert not made.config.access_log
    assert made.config.timeout_graceful_shutdown == 1
