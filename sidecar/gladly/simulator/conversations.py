"""Gladly's conversations: the threads of a customer, who has them, and when they may be closed."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks, items
from sidecar.gladly.simulator.answers import (
    blank,
    error,
    invalid,
    listed,
    nothing,
    records,
    several,
)
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.customers import moved
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject

CONVERSATIONS_CAP = 100


def list_conversations(call: Call) -> Response:
    """At most 100, oldest first. Gladly documents no error; an unknown customer is an empty 404."""
    id_ = call.ids["customer"]
    if call.world.get("customers", id_) is None:
        return moved(call) or nothing()
    rows = call.world.where("conversations", customerId=id_)
    return records(sorted(rows, key=lambda row: str(row["createdAt"])), CONVERSATIONS_CAP)


def get_conversation(call: Call) -> Response:
    """Status, assignee, topics and attributes; nothing that was said."""
    conversation = call.world.get("conversations", call.ids["conversation"])
    return JSONResponse(conversation) if conversation else nothing()


def update_conversation(call: Call) -> Response:
    """204 for a new assignee, a new status, or both at once.

    A closed conversation cannot be reassigned, not even while it is opened again. Gladly is
    silent on a body with neither: 400 `blank`.
    """
    conversation = call.world.get("conversations", call.ids["conversation"])
    if conversation is None:
        return listed(404, "", "not_exist", "conversation does not exist")
    if refusal := _blank(call.body) or _assignee(call, conversation) or _status(call, conversation):
        return refusal
    changed = dict(conversation)
    if "assignee" in call.body:
        changed.pop("agentId", None)
        changed |= checks.picked(call.body["assignee"], ("inboxId", "agentId"))
    if "status" in call.body:
        changed.pop("closedAt", None)
        changed["status"] = call.body["status"]["value"]
        changed |= {"closedAt": call.timestamp} if changed["status"] == "CLOSED" else {}
    call.world.put("conversations", changed)
    return nothing(204)


def waits(world: World, conversation: JsonObject) -> bool:
    """Whether the customer waits: the last message of a conversation is the customer's.

    What Gladly counts as waiting is not documented.
    """
    rows = world.where("items", conversationId=conversation["id"])
    said = [row for row in rows if row["content"].get("type") in items.MESSAGES]
    last = max(said, key=lambda row: str(row["timestamp"]), default=None)
    return last is not None and bool(last["initiator"]["type"] == "CUSTOMER")


def _blank(body: JsonObject) -> Response | None:
    """Everything that is missing, told at once."""
    if not {"assignee", "status"} & body.keys():
        return blank()
    needed = (("assignee", "inboxId"), ("status", "value"))
    errors = [
        error(f"{part}.{name}", "blank", f"'{name}' cannot be blank when updating {part}")
        for part, name in needed
        if part in body and not (isinstance(body[part], dict) and body[part].get(name))
    ]
    return several(400, *errors) if errors else None


def _assignee(call: Call, conversation: JsonObject) -> Response | None:
    if "assignee" not in call.body:
        return None
    if conversation["status"] == "CLOSED":
        return listed(400, "", "invalid_state", "closed conversation cannot be reassigned")
    return checks.assignee(call.world, call.body)


def _status(call: Call, conversation: JsonObject) -> Response | None:
    if "status" not in call.body:
        return None
    value = call.body["status"]["value"]
    if value not in ("CLOSED", "OPEN"):
        return invalid("status.value", "status.value must be one of CLOSED, OPEN")
    if value == "OPEN" or conversation["status"] == "CLOSED":
        return None
    if call.world.needs_topics and not conversation.get("topicIds"):
        detail = "topics are required before closing of conversation"
        return listed(400, "", "invalid_state", detail)
    if waits(call.world, conversation) and call.body["status"].get("force") is not True:
        detail = (
            "cannot close conversation, customer waiting for response, "
            "set 'status.force' to true to override"
        )
        return listed(400, "", "invalid_state", detail)
    return None
