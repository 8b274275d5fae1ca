"""What leaves Gladly: export jobs and their schedule, webhooks, campaigns."""

from __future__ import annotations

from sidecar.gladly.simulator.ids import Ids, Table, by_id
from sidecar.gladly.simulator.seed.planted import SECRET
from sidecar.model import JsonObject

FILES = ("agents.jsonl", "customers.jsonl", "conversation_items.jsonl", "topics.jsonl")
"""What a finished export holds."""

_CREATED = "2025-04-01T09:00:00.000Z"


def schedules(id_of: Ids) -> Table:
    """The daily one that every organisation has."""
    daily = {
        "id": id_of("schedule"),
        "frequency": "DAILY",
        "type": "CONVERSATIONS",
        "nextStartAt": "2026-11-11T00:00:00.000Z",
        "updatedAt": "2026-11-10T00:00:00.000Z",
    }
    return by_id([daily])


def jobs(id_of: Ids) -> Table:
    """One that is finished and one that runs."""
    statuses = {"finished": "COMPLETED", "running": "IN_PROGRESS"}
    parameters = {
        "type": "CONVERSATIONS",
        "startAt": "2026-10-31T00:00:00Z",
        "endAt": "2026-11-01T00:00:00Z",
    }
    return by_id(
        {
            "id": id_of(f"job/{label}"),
            "scheduleId": id_of("schedule"),
            "status": status,
            "updatedAt": "2026-11-01T00:10:00.000Z",
            "parameters": parameters,
            "files": list(FILES) if status == "COMPLETED" else [],
        }
        for label, status in statuses.items()
    )


def webhooks(id_of: Ids) -> Table:
    """One that is enabled and one that is not; both hold secrets."""
    return by_id([_webhook(id_of, "enabled"), _webhook(id_of, "disabled")])


def _webhook(id_of: Ids, label: str) -> JsonObject:
    password = "pw-" + id_of(f"password/{label}")
    return {
        "id": id_of(f"webhook/{label}"),
        "name": f"Order system ({label})",
        "events": ["CONVERSATION/CLOSED", "TASK/CREATED"],
        "url": f"https://{label}.hooks.sample-store.example/gladly",
        "credentials": {
            "username": "integrations@sample-store.example",
            "password": password,
            "realm": "orders",
        },
        "headers": {"X-Api-Key": SECRET.partition("=")[2]},
        "hasCredentials": True,
        "headerKeys": ["X-Api-Key"],
        "enabled": label == "enabled",
        "createdAt": _CREATED,
        "updatedAt": _CREATED,
    }


def campaigns(id_of: Ids) -> Table:
    """The one campaign; Gladly's API has no way to read it."""
    return by_id([{"id": id_of("campaign/spring"), "name": "Spring"}])
