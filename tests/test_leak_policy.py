"""Leak path 56: what a policy engine is given shows neither in its log nor in what rules print."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import tools
from engine_parts import facts, put
from flow import ask, call
from leak_canaries import Canaries
from leak_parts import READ, Scripted, Watched
from world import ended, served

from sidecar.local.processes import free_port, until_ready
from sidecar.policy import Embedded, Policy, load
from sidecar.settings import shipped

pytestmark = pytest.mark.anyio

NOISY = """package site.rules.arguments.noisy

deny contains {"tool": "*", "code": "a.noisy", "message": "No.", "remedy": "Wait."} if {
	print("asked with", input.arguments)
	input.arguments.email == "nobody"
}
"""


async def test_what_a_rule_prints_in_process_goes_nowhere(tmp_path: Path, capfd: Any):
    loaded = load(shipped("policies"), put(tmp_path, {"noisy.rego": NOISY}))
    asked = facts(arguments={"email": Canaries(56).email})
    decided = await Policy(Embedded(loaded), timeout=5.0).decide(asked)
    assert decided.verdicts
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.sockets
async def test_opa_keeps_what_was_asked_out_of_its_decision_log(tmp_path: Path):
    address = f"127.0.0.1:{free_port()}"
    with (tmp_path / "opa").open("wb") as log:
        opa = await asyncio.create_subprocess_exec(
            tools.require("opa"), "run", "--server", "--addr", address, "--skip-version-check",
            "--set", "decision_logs.console=true", "--bundle", shipped("policies"),
            "--ignore", "*_test.rego", stdout=log, stderr=log,
        )  # fmt: skip
    scripted = Scripted()
    try:
        await until_ready(f"http://{address}/health", opa)
        policy = {"engine": "opa", "opa_url": f"http://{address}", "timeout_ms": 5000}
        with served(scripted.app(), has_list=False) as url:
            async with Watched(tmp_path, f"{url}/mcp", scripted, policy=policy) as world:
                leaks = await _leaks(world)
    finally:
        await ended(opa)
    said = (tmp_path / "opa").read_text()
    assert leaks == []
    assert said.count("Decision Log") >= 3
    assert said.count('"erased":["/input","/result"]') == 1
    assert READ in said


async def _leaks(world: Watched) -> list[str]:
    canaries = Canaries(56)
    for body, how in (
        (call(READ, email=canaries.email, phoneNumber=canaries.phone), {"subject": canaries.email}),
        (call(canaries.email, to=canaries.prose), {}),
        (ask("tools/list"), {"subject": canaries.token}),
    ):
        answered = await world.ask(body, **how)
        assert answered.status_code == 200, answered.text
    return await world.leaks(canaries.values, [])
