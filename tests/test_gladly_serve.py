"""The two programs as real processes: they announce themselves, stay quiet, and stop."""

import asyncio
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import pytest
from gladly_fixtures import BEARER, CATALOG, EMAIL, TOKEN, catalog
from mcp.client.client import Client as McpClient

from sidecar.errors import ConfigError
from sidecar.gladly.serve import run_backend

SIMULATOR = """
from sidecar.gladly.serve import run_simulator
run_simulator("127.0.0.1", 0, credential=({email!r}, {token!r}), announce=SAY)
"""
BACKEND = """
from sidecar.catalog import load
from sidecar.gladly.serve import run_backend
run_backend("127.0.0.1", 0, {gladly!r}, {email!r}, Path({token_file!r}),
            catalog=load([Path({catalog!r})]), announce=SAY)
"""
PREAMBLE = """
import functools, logging
from pathlib import Path
logging.basicConfig(level=logging.INFO)
SAY = functools.partial(print, flush=True)
"""


@contextmanager
def process(code: str, **names: str):
    """Run code until the block ends; yields the process and its announced URL."""
    child = subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + code.format(**names)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    assert child.stderr
    try:
        yield child, child.stdout.readline().strip()
    finally:
        child.terminate()
        child.stdout.close()
        child.stderr.close()
        child.wait(timeout=10)


@pytest.mark.sockets
def test_both_programs_run_and_write_no_personal_value_even_at_level_info(tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    names = {
        "email": EMAIL,
        "token": TOKEN,
        "token_file": str(tmp_path / "token"),
        "catalog": str(CATALOG),
    }
    with (
        process(SIMULATOR, **names) as (_, gladly),
        process(BACKEND, gladly=gladly, **names) as (backend, url),
    ):
        for era in ("legacy", "auto"):
            found = asyncio.run(_find(f"{url}/mcp", era))
            assert [c["name"] for c in found["result"]] == ["Mara Lindqvist"]
        backend.terminate()
        written = backend.stdout.read() + backend.stderr.read()
        assert backend.wait(timeout=10) in (0, -15)
    for secret in ("4155550198", "Mara", "customer-profiles", TOKEN):
        assert secret not in written


@pytest.mark.sockets
def test_a_simulator_in_another_process_is_steered_over_http():
    with (
        process(SIMULATOR, email=EMAIL, token=TOKEN) as (_, gladly),
        httpx2.Client(base_url=gladly, auth=(EMAIL, TOKEN)) as http,
    ):
        faults = [
            {"path": "/agents", "status": 502, "body": "<p>bad</p>", "media_type": "text/html"}
        ]
        assert http.put("/simulator/faults", json=faults).status_code == 204
        assert http.get("/api/v1/agents").text == "<p>bad</p>"
        assert http.put("/simulator/faults", json=faults).status_code == 204
        assert http.post("/simulator/reset").status_code == 204
        assert http.get("/api/v1/agents").status_code == 200


@pytest.mark.sockets
@pytest.mark.parametrize("words", [("simulate",), ("serve", "--url", "http://127.0.0.1:1")])
def test_a_port_that_is_taken_is_told_in_one_line(tmp_path, words):
    (tmp_path / "token").write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        more = ("--email", EMAIL, "--token-file", str(tmp_path / "token"), "--port", port)
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", "gladly", *words, *more],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"sidecar: port {port} of 127.0.0.1 cannot be had (")
    assert line.endswith("stop what uses it, or name another --port")


async def _find(url: str, era: str):
    async with McpClient(url, mode=era) as client:
        found = await client.call_tool("list_all_gladly_customers", {"phoneNumber": "+14155550198"})
        return found.structured_content


@pytest.mark.parametrize("content", [None, " \n"])
def test_a_bearer_file_that_holds_nothing_stops_the_start(tmp_path, content):
    (tmp_path / "token").write_text(TOKEN)
    bearer = tmp_path / "bearer"
    if content is not None:
        bearer.write_text(content)
    with pytest.raises(ConfigError, match="the bearer token"):
        run_backend(
            "127.0.0.1",
            0,
            "http://127.0.0.1:1",
            EMAIL,
            tmp_path / "token",
            catalog=catalog(),
            bearer_file=bearer,
        )


def test_a_bearer_token_is_never_in_the_message(tmp_path):
    (tmp_path / "bearer").write_text(BEARER)
    with pytest.raises(ConfigError) as refused:
        run_backend(
            "127.0.0.1",
            0,
            "http://127.0.0.1:1",
            EMAIL,
            tmp_path / "absent",
            catalog=catalog(),
            bearer_file=tmp_path / "bearer",
        )
    assert BEARER not in str(refused.value)
