"""The two workflows of a support team: triage with an escalation, and the audit of a call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from sidecar.demo import stage
from sidecar.demo.agent import Agent
from sidecar.demo.cast import Cast, both, holds_secret, rules

_PHONE: Final = "+14155550198"
_CALLER: Final = "+14155550132"


async def triage(cast: Cast) -> bool:
    """Find a customer by phone, and read the latest conversation."""
    async with cast.agent("triage") as agent, cast.backend() as direct:
        offered, listed = await direct.tools(), await agent.tools()
        stage.detail("MCP revision", agent.revision)
        stage.detail("tools", f"the backend offers {len(offered)}, the agent sees {len(listed)}")
        stage.detail("not there", ", ".join(sorted(set(offered) - set(listed))))
        _, who = await both(cast, agent, direct, "list_all_gladly_customers", phoneNumber=_PHONE)
        customer = who.value["result"][0]["id"]
        talks = await agent.call("list_all_gladly_customer_conversations", customer_id=customer)
        latest = max(talks.value["result"], key=lambda c: c["createdAt"])["id"]
        sent, seen = await both(
            cast, agent, direct, "list_all_gladly_conversation_items", conversation_id=latest
        )
        cast.found = {"customer": customer}
        return all(
            [
                stage.check("tools outside the scope are not there", holds=offered != listed),
                stage.check("Gladly sent personal data", holds=holds_secret(sent.value)),
                stage.check("the agent saw none of it", holds=not holds_secret(seen.value)),
            ]
        )


async def escalation(cast: Cast) -> bool:
    """Create a task for another team; a card number does not get into it."""
    due = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    async with cast.agent("triage") as agent:
        inboxes = await agent.call("list_all_gladly_inboxes")
        inbox = next(i["id"] for i in inboxes.value["result"] if i["name"] == "Escalations")
        task = {
            "customer_id": cast.found["customer"],
            "dueAt": due,
            "assignee": {"inboxId": inbox},
        }
        first = await agent.call(
            "create_a_gladly_task", **task, body="Refund to card 4111 1111 1111 1111, please."
        )
        stage.detail("first try", "a task whose text quotes a card number")
        stage.detail("agent saw", first.error)
        body = "Item X-200 was missing twice (orders 8641, 8812). Customer at [PHONE], please call."
        second = await agent.call("create_a_gladly_task", **task, body=body)
        stage.detail("second try", body)
        stage.detail("agent saw", orjson.dumps(second.value).decode())
        rules(cast)
        refusal = "arguments." in first.error
        return all(
            [
                stage.check("the card number never left; the reason was told", holds=refusal),
                stage.check("the corrected task was created", holds=bool(second.value)),
            ]
        )


async def call_audit(cast: Cast) -> bool:
    """Read the transcripts of a customer's calls, and comment on the task of quality assurance."""
    spoken, shown, unchecked = [], [], []
    async with cast.agent("call-audit") as agent, cast.backend() as direct:
        found = await agent.call("list_all_gladly_customers", phoneNumber=_CALLER)
        customer = found.value["result"][0]["id"]
        for item in await _calls(agent, customer):
            tool = "list_all_gladly_voice_transcripts"
            sent, seen = await both(cast, agent, direct, tool, item_id=item)
            spoken.append(holds_secret(sent.value))
            shown.append(holds_secret(seen.value))
            word = "asked for" if _asks_for_pin(seen.value) else "NOT asked for"
            stage.detail("the agent", f"reads that the PIN was {word}")
            unchecked += [] if _asks_for_pin(seen.value) else [item]
        commented = await _comment(agent, customer, unchecked)
    stage.detail("agent saw", orjson.dumps(commented.value).decode())
    rules(cast)
    is_hidden = any(spoken) and not any(shown)
    return all(
        [
            stage.check("the PIN that was spoken never reached the agent", holds=is_hidden),
            stage.check("the call without a check was told apart", holds=len(unchecked) == 1),
            stage.check("its review was asked for", holds=bool(commented.value)),
        ]
    )


async def _calls(agent: Agent, customer: str) -> list[str]:
    """The items of a customer's conversations that are telephone calls."""
    calls = []
    talks = await agent.call("list_all_gladly_customer_conversations", customer_id=customer)
    for talk in talks.value["result"]:
        items = await agent.call("list_all_gladly_conversation_items", conversation_id=talk["id"])
        calls += [i["id"] for i in items.value["result"] if i["content"]["type"] == "PHONE_CALL"]
    return calls


def _asks_for_pin(transcript: Any) -> bool:
    lines = [p["transcript"] for record in transcript["result"] for p in record["paragraphs"]]
    return any("PIN?" in line for line in lines)


async def _comment(agent: Agent, customer: str, calls: list[str]) -> Any:
    """Comment on the customer's open task, in the name of whoever has it."""
    tasks = await agent.call("list_all_gladly_tasks", customer_id=customer, status="OPEN")
    task = tasks.value["result"][0]
    stage.detail("the task", task["body"])
    comment = f"The PIN was not asked for before a change. Calls: {', '.join(calls)}."
    return await agent.call(
        "create_a_gladly_task_comment",
        task_id=task["id"],
        agentId=task["assignee"]["agentId"],
        comment=comment,
    )
