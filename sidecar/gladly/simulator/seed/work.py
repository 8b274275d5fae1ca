"""Tasks and comments of the two workflows."""

from __future__ import annotations

from sidecar.gladly.simulator.ids import Ids, Table, by_id
from sidecar.gladly.simulator.seed.planted import everything
from sidecar.model import JsonObject


def tasks(id_of: Ids) -> Table:
    """The audit of the caller's calls, a task that is done, and one that is much commented."""
    review = "QA: review calls of this customer for identity checks"
    return by_id(
        [
            _task(id_of, "qa", "caller", review, "OPEN"),
            _task(id_of, "done", "caller", everything("Send the warranty papers again."), "CLOSED"),
            _task(id_of, "commented", "waiting", everything("Call back."), "OPEN"),
        ]
    )


def _task(id_of: Ids, label: str, customer: str, body: str, status: str) -> JsonObject:
    return {
        "id": id_of(f"task/{label}"),
        "customerId": id_of(f"customer/{customer}"),
        "timestamp": "2026-11-01T11:00:00.000Z",
        "createdBy": {"id": id_of("agent/qa"), "type": "AGENT"},
        "assignee": {"inboxId": id_of("inbox/escalations"), "agentId": id_of("agent/qa")},
        "body": body,
        "dueAt": "2026-12-01T17:00:00.000Z",
        "status": status,
    }


def comments(id_of: Ids) -> Table:
    """One on the audit."""
    return by_id(
        [
            {
                "id": id_of("comment/qa"),
                "agentId": id_of("agent/qa"),
                "comment": everything("Spoken on the first call:"),
                "taskId": id_of("task/qa"),
                "createdAt": "2026-11-01T11:30:00.000Z",
            }
        ]
    )
