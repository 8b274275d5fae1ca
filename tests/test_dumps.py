"""No memory of the process is left behind, nor shown to its neighbours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from world import Everything, served

from sidecar import dumps


@pytest.mark.sockets
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says so in /proc")
def test_a_process_that_is_killed_by_a_fault_leaves_no_core(tmp_path: Path):
    """By its limit, and where dumps are piped to a program by being undumpable (`prctl(2)`)."""
    code = (
        f"import ctypes, os, resource; from {dumps.__name__} import forbid; forbid();"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0);"
        "assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0;"
        "os.abort()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode < 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
@pytest.mark.sockets
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says so in /proc")
async def test_a_sidecar_that_serves_dumps_nothing(tmp_path):
    with served(Starlette(), has_list=False) as url:
        async with Everything(tmp_path, f"{url}/mcp") as sidecar:
            proc = Path("/proc") / str(sidecar.process.pid)
            (core,) = (x for x in (proc / "limits").read_text().splitlines() if "core file" in x)
            assert core.split()[4:6] == ["0", "0"]
