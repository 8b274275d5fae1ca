"""Gladly's tasks and the comments on them."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator_answers import (
    blank,
    created,
    entity_missing,
    listed,
    records,
)
from sidecar.gladly.simulator_customers import moved
from sidecar.gladly.simulator_world import Call
from sidecar.model import JsonObject

TASKS_CAP = 2000
COMMENTS_CAP = 1000
TEXT_LIMIT = 10_000
"""Characters of a task's body or a comment."""


def list_tasks(call: Call) -> Response:
    """At most 2000 tasks of one customer, newest first, of one status if asked."""
    id_ = call.ids["customer"]
    if call.world.get("customers", id_) is None:
        return moved(call) or entity_missing()
    fields: dict[str, object] = {"customerId": id_}
    if call.query.get("status"):
        fields["status"] = call.query["status"]
    rows = call.world.where("tasks", **fields)
    return records(sorted(rows, key=lambda row: str(row["timestamp"]), reverse=True), TASKS_CAP)


def get_task(call: Call) -> Response:
    """One task."""
    task = call.world.get("tasks", call.ids["task"])
    return JSONResponse(task) if task else entity_missing()


def create_task(call: Call) -> Response:
    """201 with a Location and no body. Body, a due time to come and an inbox are required.

    For a merged customer the answer is the 301 with a Location that Gladly documents for a
    conversation item; it documents none for tasks (inferred).
    """
    if call.world.get("customers", call.ids["customer"]) is None:
        return moved(call, has_location=True) or entity_missing()
    if refusal := _refusal(call):
        return refusal
    id_ = str(call.body.get("id") or call.world.new_id())
    if call.world.get("tasks", id_):
        return listed(409, "newConversationItems", "taken", "task already exists")
    fixed = {
        "id": id_,
        "customerId": call.ids["customer"],
        "timestamp": call.timestamp,
        "createdBy": {"id": "api", "type": "API"},
        "status": "OPEN",
    }
    call.world.put("tasks", fixed | {k: call.body[k] for k in ("body", "dueAt", "assignee")})
    return created(f"/api/v1/tasks/{id_}")


def list_comments(call: Call) -> Response:
    """At most 1000 comments, oldest first."""
    if call.world.get("tasks", call.ids["task"]) is None:
        return entity_missing()
    return records(call.world.where("comments", taskId=call.ids["task"]), COMMENTS_CAP)


def create_comment(call: Call) -> Response:
    """201 with a Location; needs a known agent, and refuses a closed task.

    Gladly documents that closed tasks take no comments, but not the status: 400 is inferred.
    """
    task = call.world.get("tasks", call.ids["task"])
    if task is None:
        return entity_missing()
    if task["status"] == "CLOSED":
        return listed(400, "task", "invalid_state", "task is closed")
    comment, agent = call.body.get("comment"), call.body.get("agentId")
    if not comment or not agent:
        return blank("comment" if not comment else "agentId")
    if len(str(comment)) > TEXT_LIMIT:
        return listed(400, "comment", "too_long", f"comment is over {TEXT_LIMIT} characters")
    if call.world.get("agents", str(agent)) is None:
        return listed(400, "agentId", "not_exist", "agent does not exist")
    id_ = str(call.body.get("id") or call.world.new_id())
    record: JsonObject = {"id": id_, "agentId": agent, "comment": comment}
    call.world.put("comments", record | {"taskId": task["id"], "createdAt": call.timestamp})
    return created(f"/api/v1/tasks/{task['id']}/comments/{id_}")


def _refusal(call: Call) -> Response | None:
    """The first thing wrong with a new task, as Gladly would say it, or None."""
    return _body_refusal(call) or _due_refusal(call) or _assignee_refusal(call)


def _body_refusal(call: Call) -> Response | None:
    body = call.body.get("body")
    if not isinstance(body, str) or not body.strip():
        return blank()
    if len(body) > TEXT_LIMIT:
        return listed(400, "body", "too_long", f"body is over {TEXT_LIMIT} characters")
    return None


def _due_refusal(call: Call) -> Response | None:
    invalid = listed(400, "dueAt", "invalid", "dueAt must be a time in the future")
    try:
        due = datetime.fromisoformat(str(call.body.get("dueAt")))
    except ValueError:
        return invalid
    aware = due if due.tzinfo else due.replace(tzinfo=UTC)
    return invalid if aware <= call.now else None


def _assignee_refusal(call: Call) -> Response | None:
    assignee = call.body.get("assignee")
    if not isinstance(assignee, dict) or not assignee.get("inboxId"):
        return blank("inboxId")
    if call.world.get("inboxes", str(assignee["inboxId"])) is None:
        return listed(400, "inboxId", "not_exist", "inbox does not exist")
    agent = assignee.get("agentId")
    if agent and str(agent) not in call.world.members.get(str(assignee["inboxId"]), set()):
        detail = "agent does not belong to inbox"
        return listed(400, "assignee.agentId", "invalid_state", detail)
    return None
