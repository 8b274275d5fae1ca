"""Gladly's tasks: follow-up work for a customer, with a due time and somebody to do it."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks, contacts
from sidecar.gladly.simulator.answers import (
    blank,
    created,
    entity_missing,
    invalid,
    listed,
    nothing,
    records,
)
from sidecar.gladly.simulator.call import Call, moment
from sidecar.gladly.simulator.customers import moved
from sidecar.model import JsonObject

TASKS_CAP = 2000
TEXT_LIMIT = 10_000
"""Characters of a task's body or a comment."""

_STATUSES = ("OPEN", "CLOSED")
_FIELDS = ("body", "dueAt", "assignee", "status")


def list_tasks(call: Call) -> Response:
    """At most 2000 tasks of one customer, newest first, of one status if asked."""
    id_ = call.ids["customer"]
    if call.world.get("customers", id_) is None:
        return moved(call) or entity_missing()
    fields: dict[str, object] = {"customerId": id_}
    if "status" in call.query:
        fields["status"] = call.query["status"]
        if fields["status"] not in _STATUSES:
            return blank()
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
    return _refusal(call) or _put(call, call.ids["customer"])


def create_task_for_contact(call: Call) -> Response:
    """201 with a Location, for whoever has an e-mail address or number; made where there is none.

    Gladly documents no 409 here; a taken id is refused as in `create_task`.
    """
    if refusal := _refusal(call):
        return refusal
    customer = contacts.found_or_made(call, call.body.get("customer"))
    return customer if isinstance(customer, Response) else _put(call, customer)


def update_task(call: Call) -> Response:
    """204. What is left out stays; a closed task can be opened again."""
    task = call.world.get("tasks", call.ids["task"])
    if task is None:
        return entity_missing()
    changes = checks.picked(call.body, _FIELDS)
    if not changes:
        return blank()
    parts = (
        _body_refusal(changes) if "body" in changes else None,
        _due_refusal(call, changes) if "dueAt" in changes else None,
        checks.assignee(call.world, changes) if "assignee" in changes else None,
    )
    if refusal := next((part for part in parts if part), None):
        return refusal
    if changes.get("status", "OPEN") not in _STATUSES:
        return invalid("status", "status must be one of OPEN, CLOSED")
    call.world.put("tasks", task | changes)
    return nothing(204)


def refusal(call: Call, fields: JsonObject) -> Response | None:
    """The first thing wrong with a new task, as Gladly would say it, or None."""
    return (
        _body_refusal(fields) or _due_refusal(call, fields) or checks.assignee(call.world, fields)
    )


def made(call: Call, id_: str, customer: str, fields: JsonObject) -> JsonObject:
    """The record of a new task."""
    fixed = {
        "id": id_,
        "customerId": customer,
        "timestamp": call.timestamp,
        "createdBy": call.author,
        "status": "OPEN",
    }
    return fixed | checks.picked(fields, ("body", "dueAt", "assignee"))


def _put(call: Call, customer: str) -> Response:
    id_ = checks.new_id(call)
    call.world.put("tasks", made(call, id_, customer, call.body))
    return created(f"/tasks/{id_}")


def _refusal(call: Call) -> Response | None:
    if wrong := checks.chosen_id(call) or refusal(call, call.body):
        return wrong
    if call.world.get("tasks", call.body.get("id")):
        return listed(409, "newConversationItems", "taken", "task already exists")
    return None


def _body_refusal(fields: JsonObject) -> Response | None:
    body = fields.get("body")
    if not isinstance(body, str) or not body.strip():
        return blank()
    return checks.text(fields, "body", TEXT_LIMIT)


def _due_refusal(call: Call, fields: JsonObject) -> Response | None:
    due = moment(fields.get("dueAt"))
    if due is None or due <= call.now:
        return invalid("dueAt", "dueAt must be a time in the future")
    return None
