"""The trail of a real process: signed, anchored and shipped from its start to its stop."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sealed import KEY, public
from test_audit_otlp import Receiver
from test_cli_serve import configured, serving_at

from sidecar import audit
from sidecar.audit import anchors

pytestmark = pytest.mark.sockets


def stopped(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    return out, err


def run(folder: Path, **settings: Any) -> tuple[str, str]:
    """Start, refuse one call, stop; give what was said on both streams."""
    file = configured(folder, audit={"folder": str(folder / "audit"), **settings})
    with serving_at(file) as (process, mcp, _):
        assert httpx2.post(f"{mcp}/mcp", json={}, trust_env=False).status_code == 401
        return stopped(process)


def test_invariant_9_a_process_signs_and_anchors_its_log_from_start_to_stop(tmp_path):
    _, err = run(tmp_path)
    folder = tmp_path / "audit"
    told = [line for line in map(json.loads, err.splitlines()) if line["event"] == "audit anchor"]
    assert len(told) >= 2, "the start and the stop, at least"
    found = audit.verify(folder, err, keys=[folder / "audit.pub"])
    assert found.problems == ()
    assert found.has_clean_stop
    assert found.signed_upto == found.anchored_upto == found.events - 1
    assert found.is_key_beside_log
    log = folder / "audit.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-2]))
    assert audit.verify(folder).is_valid
    assert not audit.verify(folder, err).is_valid


def test_a_named_key_signs_and_a_named_instance_is_the_notes_origin(tmp_path):
    file = tmp_path / "signing.pem"
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _, err = run(tmp_path, signing_key_file=str(file), instance="blue")
    found = audit.verify(tmp_path / "audit", err, keys=[public(tmp_path, KEY)])
    assert (found.is_valid, found.is_key_beside_log, found.instances) == (True, False, ("blue",))
    assert {anchor.origin for anchor in anchors.read(err)} == {"gladly-mcp-sidecar/audit/blue"}


def test_standard_output_has_every_line_of_the_log_and_nothing_else(tmp_path):
    out, err = run(tmp_path, ship={"stdout": True}, instance="blue")
    lines = (tmp_path / "audit" / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in out.splitlines()] == [{"audit": line} for line in lines]
    shipped = out.encode().splitlines(keepends=True)
    fleet = audit.verify_stream(shipped, expected=["blue"], anchors=err)
    assert (fleet.is_valid, fleet.problems) == (True, ())


def test_a_collector_has_every_line_when_the_process_has_ended(tmp_path):
    receiver = Receiver()
    try:
        run(tmp_path, ship={"otlp_url": receiver.url})
    finally:
        receiver.end()
    lines = (tmp_path / "audit" / "audit.jsonl").read_text().splitlines()
    assert [record.body.string_value for record in receiver.records] == lines


def test_a_dead_collector_holds_up_no_call_and_readiness_tells_it(tmp_path):
    ship = {"otlp_url": "http://127.0.0.1:9/v1/logs", "timeout": 0.2}
    file = configured(tmp_path, audit={"folder": str(tmp_path / "audit"), "ship": ship})
    with serving_at(file) as (process, mcp, admin):
        said = ""
        for _ in range(200):
            assert httpx2.post(f"{mcp}/mcp", json={}, trust_env=False).status_code == 401
            reply = httpx2.get(f"{admin}/readyz", trust_env=False)
            assert reply.status_code == 200
            if "audit lines wait for otlp" in (said := reply.text):
                break
        assert "audit lines wait for otlp (" in said
        _, err = stopped(process)
    assert "audit lines are not shipped" in err
    assert audit.verify(tmp_path / "audit").has_clean_stop


def test_a_restart_ships_what_the_last_run_left(tmp_path):
    run(tmp_path, ship={"otlp_url": "http://127.0.0.1:9/v1/logs", "timeout": 0.2})
    receiver = Receiver()
    try:
        run(tmp_path, ship={"otlp_url": receiver.url})
    finally:
        receiver.end()
    lines = (tmp_path / "audit" / "audit.jsonl").read_text().splitlines()
    assert [record.body.string_value for record in receiver.records] == lines
