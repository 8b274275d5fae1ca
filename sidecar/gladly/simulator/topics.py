"""Gladly's topics: what conversations are about, in a hierarchy that the organisation keeps."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks
from sidecar.gladly.simulator.answers import created, entity_missing, listed, nothing, single
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

_FIELDS = ("name", "disabled", "parentId")


def list_topics(call: Call) -> Response:
    """Every topic, disabled ones too."""
    return JSONResponse(call.world.where("topics"))


def get_topic(call: Call) -> Response:
    """One topic."""
    topic = call.world.get("topics", call.ids["topic"])
    return JSONResponse(topic) if topic else entity_missing()


def create_topic(call: Call) -> Response:
    """201 with a Location. Id and name have to be no other topic's."""
    if refusal := checks.chosen_id(call) or _refusal(call):
        return refusal
    if call.world.get("topics", call.body.get("id")):
        return listed(409, "id", "taken", "the topic with specified id already exists")
    id_ = checks.new_id(call)
    if taken := _namesake(call, id_):
        return taken
    call.world.put("topics", {"id": id_, "disabled": False} | checks.picked(call.body, _FIELDS))
    return created(f"/topics/{id_}")


def update_topic(call: Call) -> Response:
    """204. The name is required, also where only something else changes."""
    topic = call.world.get("topics", call.ids["topic"])
    if topic is None:
        detail = f"conversation topic [{call.ids['topic']}] does not exist"
        return single(404, "", "not_exist", detail)
    if refusal := _refusal(call) or _namesake(call, topic["id"]):
        return refusal
    call.world.put("topics", topic | checks.picked(call.body, _FIELDS))
    return nothing(204)


def _refusal(call: Call) -> Response | None:
    """Gladly is silent on a parent that is not there: 400 `not_exist`."""
    fields: JsonObject = call.body
    if refusal := checks.text(fields, "name", is_required=True) or checks.flag(fields, "disabled"):
        return refusal
    parent = fields.get("parentId")
    if parent is not None and call.world.get("topics", parent) is None:
        return listed(400, "parentId", "not_exist", "parent topic does not exist")
    return None


def _namesake(call: Call, id_: str) -> Response | None:
    for other in call.world.where("topics", name=call.body["name"]):
        if other["id"] != id_:
            detail = "another topic already has this name"
            return listed(409, "name", "taken", detail, id=other["id"])
    return None
