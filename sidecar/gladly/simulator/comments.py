"""Comments on Gladly's tasks."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks
from sidecar.gladly.simulator.answers import blank, created, entity_missing, listed, records
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.tasks import TEXT_LIMIT
from sidecar.model import JsonObject

COMMENTS_CAP = 1000


def list_comments(call: Call) -> Response:
    """At most 1000 comments, oldest first."""
    if call.world.get("tasks", call.ids["task"]) is None:
        return entity_missing()
    rows = call.world.where("comments", taskId=call.ids["task"])
    return records(sorted(rows, key=lambda row: str(row["createdAt"])), COMMENTS_CAP)


def get_comment(call: Call) -> Response:
    """One comment of one task."""
    comment = call.world.get("comments", call.ids["comment"])
    if comment is None or comment["taskId"] != call.ids["task"]:
        return entity_missing()
    return JSONResponse(comment)


def create_comment(call: Call) -> Response:
    """201 with a Location; needs a known agent, and refuses a closed task.

    Gladly documents that closed tasks take no comments, but not the status: 400 is inferred.
    Its description requires `message` and has a property `comment`: both are taken.
    """
    task = call.world.get("tasks", call.ids["task"])
    if task is None:
        return entity_missing()
    fields = checks.picked(call.body, ("agentId",))
    fields |= {"comment": call.body.get("comment") or call.body.get("message")}
    if refusal := _refusal(call, task, fields):
        return refusal
    record = {"id": checks.new_id(call), **fields, "taskId": task["id"]}
    call.world.put("comments", record | {"createdAt": call.timestamp})
    return created(f"/tasks/{task['id']}/comments/{record['id']}")


def _refusal(call: Call, task: JsonObject, fields: JsonObject) -> Response | None:
    """The first thing wrong with a new comment, or None."""
    if task["status"] == "CLOSED":
        return listed(400, "task", "invalid_state", "task is closed")
    if not fields.get("comment") or not fields.get("agentId"):
        return blank()
    if wrong := checks.text(fields, "comment", TEXT_LIMIT, is_required=True):
        return wrong
    if call.world.get("agents", fields["agentId"]) is None:
        return listed(400, "agentId", "not_exist", "agent does not exist")
    if call.world.get("comments", call.body.get("id")):
        return listed(409, "id", "taken", "comment already exists")
    return checks.chosen_id(call)
