"""The two workflows of a support team, whole: real client, real HTTP, in both eras."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from world import logged

from sidecar import audit
from sidecar.demo import workflows
from sidecar.demo.cast import SECRETS, Cast
from sidecar.demo.world import EMAIL, World

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

LONGEST = 60.0
CALLER, DELIVERY = "PU3rTGk5tcZGf6OASmrF5g", "fpDL5a8GbDpnX0jfzVkd9A"


async def in_gladly(world: World, path: str) -> list[dict[str, Any]]:
    """What Gladly itself holds afterwards, asked with its own credential."""
    async with httpx2.AsyncClient(trust_env=False, auth=(EMAIL, world.gladly_token)) as http:
        answer = await http.get(f"{world.simulator_url}/api/v1{path}")
    found: list[dict[str, Any]] = answer.json()
    return found


def assert_evidence(world: World, folder: Path) -> None:
    found = audit.verify(world.audit_log)
    assert (found.is_valid, found.open_intents, found.has_clean_stop) == (True, (), True)
    text = world.audit_log.read_text()
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_triage_with_an_escalation_reads_masked_and_leaves_a_task(tmp_path, mode):
    """Workflow 1: masked reads, then a task whose body quotes a mask."""
    async with asyncio.timeout(LONGEST), World(tmp_path) as world:
        cast = Cast(world, mode)
        assert await workflows.triage(cast)
        assert await workflows.escalation(cast)
        tasks = await in_gladly(world, f"/customers/{DELIVERY}/tasks")
        (made,) = [task for task in tasks if "X-200" in task["body"]]
        assert "Customer at [PHONE], please call." in made["body"]
        await world.stop_sidecar()
        refused, created = logged(world, tool="create_a_gladly_task")
        assert refused["decision"]["denials"][0]["code"] == "arguments.personal_data"
        assert created["outcome"]["status"] == "ok"
        (intent,) = logged(world, "intent", tool="create_a_gladly_task")
        assert (created["ref"], intent["data"]["findings_in"]) == (intent["id"], {"MASK": 1})
        assert_evidence(world, tmp_path)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_audit_finds_the_unchecked_call_and_comments_on_the_task(tmp_path, mode):
    """Workflow 2: customers, conversations, items, transcripts, tasks, a comment."""
    async with asyncio.timeout(LONGEST), World(tmp_path) as world:
        assert await workflows.call_audit(Cast(world, mode))
        (task,) = [
            t for t in await in_gladly(world, f"/customers/{CALLER}/tasks") if t["status"] == "OPEN"
        ]
        comments = await in_gladly(world, f"/tasks/{task['id']}/comments")
        assert [c for c in comments if "The PIN was not asked for" in c["comment"]]
        await world.stop_sidecar()
        read = logged(world, tool="list_all_gladly_voice_transcripts")
        assert {event["outcome"]["status"] for event in read} == {"ok"}
        assert sum(event["data"].get("masked", {}).get("PIN", 0) for event in read) > 0
        for event in read:
            assert {"kind": "customer", "id": CALLER} in event["data"]["subjects"]
        assert_evidence(world, tmp_path)
