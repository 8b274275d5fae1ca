"""Gladly's exports: schedules, jobs, and the files that a job made."""

from __future__ import annotations

import json
from collections.abc import Iterable

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks, items
from sidecar.gladly.simulator.answers import bare, entity_missing, nothing
from sidecar.gladly.simulator.call import Call, moment
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject

JSON_LINES = "application/x-ndjson"


def list_schedules(call: Call) -> Response:
    """Every schedule."""
    return JSONResponse(call.world.where("schedules"))


def list_jobs(call: Call) -> Response:
    """Jobs, of one status or updated within a time if asked.

    Gladly forgets jobs after fourteen days. These do not age, so that the same seed answers
    alike on every day. It documents no error: a time that cannot be read is not looked at.
    """
    rows = call.world.where("jobs")
    if status := call.query.get("status"):
        rows = [row for row in rows if row["status"] == status]
    if start := moment(call.query.get("startAt")):
        rows = [row for row in rows if (at := moment(row["updatedAt"])) and at >= start]
    if end := moment(call.query.get("endAt")):
        rows = [row for row in rows if (at := moment(row["updatedAt"])) and at <= end]
    return JSONResponse(rows)


def get_job(call: Call) -> Response:
    """One job, with the names of its files."""
    job = call.world.get("jobs", call.ids["job"])
    return JSONResponse(job) if job else entity_missing()


def delete_job(call: Call) -> Response:
    """204, or 400 in the bare-list shape while the job runs."""
    job = call.world.get("jobs", call.ids["job"])
    if job is None:
        return entity_missing()
    if job["status"] == "IN_PROGRESS":
        detail = (
            "unable to delete job with status [IN_PROGRESS]. Please try again after it has finished"
        )
        return bare(400, "status", "temporary_failure", detail)
    call.world.drop("jobs", job["id"])
    return nothing(204)


def get_file(call: Call) -> Response:
    """An export file as JSON lines. Profiles are flatter there than in the API."""
    job = call.world.get("jobs", call.ids["job"])
    if job is None or call.ids["file"] not in job["files"]:
        return entity_missing()
    return lines(_exported(call.world, call.ids["file"]), JSON_LINES)


def lines(rows: Iterable[JsonObject], media_type: str) -> Response:
    """One JSON object a line."""
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    return Response(text, media_type=media_type)


def _exported(world: World, name: str) -> list[JsonObject]:
    if name == "agents.jsonl":
        return world.where("agents")
    if name == "topics.jsonl":
        return world.where("topics")
    if name == "conversation_items.jsonl":
        return [item for item in world.where("items") if items.is_shown(item)]
    return [_flat(customer) for customer in world.where("customers")]


def _flat(customer: JsonObject) -> JsonObject:
    flat = checks.picked(customer, ("id", "name", "address"))
    flat["emailAddresses"] = [email["original"] for email in customer["emails"]]
    flat["phoneNumbers"] = [phone["normalized"] for phone in customer["phones"]]
    return flat | checks.picked(customer, ("externalCustomerId", "externalCustomerIds"))
