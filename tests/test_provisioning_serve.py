"""The provisioning API of a real process: its own listener, its own tokens, its own file."""

from __future__ import annotations

import contextlib
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from test_cli_serve import configured, ended, port, serving_at, started
from test_tls import pair, trusting
from wire import Papers

from sidecar import audit, identity

pytestmark = pytest.mark.sockets

SECRET = "s" * 48
PATH = "/integrated-account/default/mcp"


def gateway(folder: Path, **changes: Any) -> tuple[Path, str]:
    """Settings of a gateway without a declared endpoint, and its API's address."""
    section = {"port": port(), "store_file": str(folder / "e.db"), "audience": "gateway-admin"}
    section |= changes
    file = configured(
        folder, provisioning=section, endpoints=[], public_url="https://mcp.example/mcp"
    )
    return file, f"127.0.0.1:{section['port']}"


def bearer(audience: str) -> dict[str, str]:
    token = identity.issue(
        SECRET,
        issuer="https://issuer.example",
        audience=audience,
        subject="operator",
        ttl_s=300,
        claims={"scope": "endpoints:read endpoints:write"},
    )
    return {"authorization": f"Bearer {token}"}


@contextlib.contextmanager
def administrator(url: str, **more: Any) -> Iterator[httpx2.Client]:
    headers = bearer("gateway-admin")
    with httpx2.Client(base_url=url, headers=headers, trust_env=False, **more) as http:
        yield http


def called(mcp: str, token: str) -> int:
    """What a caller with a good bearer token gets at an endpoint; 502 where there is no backend."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = bearer("sidecar") | {"accept": "application/json, text/event-stream"}
    url = f"{mcp}/mcp/{token}"
    return httpx2.post(url, json=body, headers=headers, trust_env=False).status_code


def test_an_endpoint_is_made_used_kept_over_a_restart_and_deleted(tmp_path):
    file, address = gateway(tmp_path)
    with serving_at(file) as (process, mcp, admin), administrator(f"http://{address}") as http:
        made = http.post(PATH, json={"config": {"methods": ["read"]}}).json()
        assert called(mcp, made["token"]) == 502
        for url in (mcp, admin):
            assert httpx2.get(f"{url}{PATH}", trust_env=False).status_code == 404
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
        assert code == 0
        assert made["token"] not in said
    assert stat.S_IMODE((tmp_path / "e.db").stat().st_mode) == 0o600
    with serving_at(file) as (process, mcp, _), administrator(f"http://{address}") as http:
        assert called(mcp, made["token"]) == 502
        assert http.delete(f"{PATH}/{made['id']}").status_code == 204
        assert called(mcp, made["token"]) == 404
        process.terminate()
        assert ended(process)[0] == 0
    log = tmp_path / "audit" / "audit.jsonl"
    assert audit.verify(log).is_valid
    events = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    told = [one["data"]["what"] for one in events if one["stage"] == "admin"]
    assert told == ["endpoint_created", "endpoint_deleted"]


def test_the_api_speaks_tls_where_it_is_set(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    papers = Papers(folder).make()
    files = {name: str(path) for name, path in pair(papers).items()}
    file, address = gateway(tmp_path, **files)
    with (
        serving_at(file),
        administrator(f"https://{address}", verify=trusting(papers)) as http,
    ):
        assert http.get(PATH).json() == {"result": [], "next_cursor": None}


def test_a_port_that_is_taken_ends_every_listener_with_exit_1(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        code, said = ended(started(gateway(tmp_path, port=number)[0]))
    assert code == 1
    assert "set provisioning.port" in said
    assert audit.verify(tmp_path / "audit" / "audit.jsonl").has_clean_stop


def test_a_store_that_is_damaged_is_one_line_and_nothing_listens(tmp_path):
    (tmp_path / "e.db").write_bytes(b"not a database" * 100)
    code, said = ended(started(gateway(tmp_path)[0]))
    assert code == 2
    (line,) = [line for line in said.splitlines() if "e.db" in line]
    assert "is no intact store of endpoints" in line
    assert '"listening"' not in said
