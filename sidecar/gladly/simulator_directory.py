"""Gladly's organisation, agents, inboxes, public answers and export files."""

from __future__ import annotations

import json

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator_answers import bare, nothing, records, single
from sidecar.gladly.simulator_world import Call, World
from sidecar.model import JsonObject

ANSWERS_CAP = 1000


def get_organization(call: Call) -> Response:
    """The one organisation; the usual way to try a credential."""
    return JSONResponse(call.world.organization)


def list_agents(call: Call) -> Response:
    """Every agent."""
    return JSONResponse(call.world.where("agents"))


def get_agent(call: Call) -> Response:
    """One agent."""
    id_ = call.ids["agent"]
    agent = call.world.get("agents", id_)
    if agent is None:
        return single(404, "", "not_exist", f"agent {id_} does not exist")
    return JSONResponse(agent)


def list_inboxes(call: Call) -> Response:
    """Every inbox; tasks name them by id."""
    return JSONResponse(call.world.where("inboxes"))


def list_answers(call: Call) -> Response:
    """The first 1000 public answers by name, in one language; asks for no credential."""
    if call.ids["org"] != call.world.organization["id"]:
        return nothing()
    rows = call.world.where("answers", language=call.query.get("lng", "en-us"))
    return records(sorted(rows, key=lambda row: str(row["name"])), ANSWERS_CAP, is_flagged=False)


def get_answer(call: Call) -> Response:
    """One public answer; asks for no credential."""
    answer = call.world.get("answers", call.ids["answer"])
    if answer is None or call.ids["org"] != call.world.organization["id"]:
        return single(404, "", "not_exist", "answer does not exist")
    return JSONResponse(answer)


def delete_job(call: Call) -> Response:
    """204, or 400 in the bare-list shape while the job runs."""
    job = call.world.get("jobs", call.ids["job"])
    if job is None:
        return nothing()
    if job["status"] == "IN_PROGRESS":
        detail = (
            "unable to delete job with status [IN_PROGRESS]. Please try again after it has finished"
        )
        return bare(400, "status", "temporary_failure", detail)
    del call.world.tables["jobs"][job["id"]]
    return nothing(204)


def get_file(call: Call) -> Response:
    """An export file as JSON lines. Profiles are flatter there than in the API."""
    job = call.world.get("jobs", call.ids["job"])
    if job is None or call.ids["file"] not in job["files"]:
        return nothing()
    rows = _exported(call.world, call.ids["file"])
    lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    return Response(lines, media_type="application/x-ndjson")


def _exported(world: World, name: str) -> list[JsonObject]:
    if name == "agents.jsonl":
        return world.where("agents")
    return [
        {
            "id": customer["id"],
            "name": customer.get("name"),
            "address": customer.get("address"),
            "emailAddresses": [email["normalized"] for email in customer["emails"]],
            "phoneNumbers": [phone["normalized"] for phone in customer["phones"]],
        }
        for customer in world.where("customers")
    ]
