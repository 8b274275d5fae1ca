"""Two engines decide: what they agree on holds, and what they differ about is refused."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import pytest
from engine_parts import Fixed, answer, put
from flow import ask, call
from leak_parts import READ, Scripted
from opa_parts import opa
from world import Everything, caller, logged, served

from sidecar.errors import OrganDown
from sidecar.policy import Both
from sidecar.settings import shipped

CLOSED = """package site.rules.access.closed

deny contains {"tool": "%s", "code": "a.closed", "message": "No.", "remedy": "Wait."}
"""


ASKED = {"tools": [{"name": "list_things"}]}


def both(ours: Any, theirs: Any) -> Any:
    """What comes of two answers."""
    try:
        return asyncio.run(Both(Fixed(ours), Fixed(theirs)).evaluate(ASKED))  # type: ignore[arg-type]
    except OrganDown as refusal:
        return refusal.reason


def test_what_both_say_alike_is_the_answer_whatever_the_order_of_members():
    said = answer(grants=("g", "h")) | {"version": 1}
    assert both(said, {"version": 1} | answer(grants=("h", "g"))) == said


def test_what_is_said_of_tools_that_nobody_asked_about_is_no_difference():
    said = answer() | {"version": 1}
    more = said | {"denials": [{"tool": "another", "code": "x"}, *said["denials"]]}
    assert both(said, more) == said
    every = said | {"denials": [{"tool": "*", "code": "x"}, *said["denials"]]}
    assert both(said, every) == "policy_differs"


@pytest.mark.parametrize(
    "other",
    [
        {},
        answer(grants=()),
        answer(grants=("g", "g")),
        answer(grants=("g", "h")),
        answer(tool="another"),
        answer(denials=({"code": "x"},)),
        answer(masks=({"entity": "EMAIL"},)),
        answer() | {"version": True},
        True,
        None,
    ],
)
def test_any_difference_is_no_decision(other):
    said = answer() | {"version": 1}
    if isinstance(other, dict):
        other = {"version": 1} | other
    assert both(said, other) == both(other, said) == "policy_differs"


@pytest.mark.anyio
@pytest.mark.sockets
async def test_a_sidecar_of_both_engines_refuses_what_opa_decides_otherwise(tmp_path):
    """OPA holds one rule more than this process: what it is about is refused, the rest goes on."""
    theirs = put(tmp_path / "opa", {"closed.rego": CLOSED % READ})
    shutil.copytree(shipped("policies"), theirs, dirs_exist_ok=True)
    backend = Scripted()
    with opa(theirs) as (url, _), served(backend.app(), has_list=False) as target:
        policy = {"engine": "both", "opa_url": url, "timeout_ms": 5000}
        async with (
            Everything(tmp_path / "w", f"{target}/mcp", policy=policy) as world,
            caller(world.bearer("agent")) as http,
        ):
            address = world.url("everything")
            refused = await http.post(address, json=call(READ))
            allowed = await http.post(address, json=call("list_all_gladly_tasks", customer_id="x"))
            assert (await http.post(address, json=ask("ping"))).status_code == 200
            events = logged(world)
    assert (refused.status_code, allowed.status_code) == (503, 200)
    assert "result" in allowed.json()
    assert [e["decision"].get("reason") for e in events[:2]] == ["policy_differs", None]
