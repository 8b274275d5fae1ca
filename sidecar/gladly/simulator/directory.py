"""Gladly's organisation, and who and what is in it: agents, inboxes, teams, audiences."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator.answers import blank, nothing, single
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject


def get_organization(call: Call) -> Response:
    """The one organisation; the usual way to try a credential."""
    return JSONResponse(call.world.organization)


def list_agents(call: Call) -> Response:
    """Every agent."""
    return JSONResponse(call.world.where("agents"))


def get_agent(call: Call) -> Response:
    """One agent. Gladly documents no 404 here; the words are those of the call recorder."""
    agent = call.world.get("agents", call.ids["agent"])
    return JSONResponse(agent) if agent else _no_agent(call)


def get_call_recorder(call: Call) -> Response:
    """Whether the agent's call is recorded; agents are named by id or e-mail address.

    Customer and item are there only while the agent is on a call.
    """
    agent = _agent(call.world, call.ids["agent"])
    if agent is None:
        return _no_agent(call)
    recorder = call.world.tables["recorders"][agent["id"]]
    return JSONResponse({name: value for name, value in recorder.items() if name != "id"})


def update_call_recorder(call: Call) -> Response:
    """204, without effect while the agent is on no call.

    Gladly documents no 400; without `recording` this answers one.
    """
    agent = _agent(call.world, call.ids["agent"])
    if agent is None:
        return _no_agent(call)
    is_recording = call.body.get("recording")
    if not isinstance(is_recording, bool):
        return blank("recording")
    recorder = call.world.tables["recorders"][agent["id"]]
    if "conversationItemId" in recorder:
        call.world.put("recorders", recorder | {"recording": is_recording})
    return nothing(204)


def list_inboxes(call: Call) -> Response:
    """Every inbox; tasks and conversations name them by id."""
    return JSONResponse(call.world.where("inboxes"))


def get_inbox(call: Call) -> Response:
    """One inbox; Gladly documents no 404, and this has no body."""
    return _one(call, "inboxes", "inbox")


def list_teams(call: Call) -> Response:
    """Every team, with the ids of its agents."""
    return JSONResponse(call.world.where("teams"))


def get_team(call: Call) -> Response:
    """One team; Gladly documents no 404, and this has no body."""
    return _one(call, "teams", "team")


def list_audiences(call: Call) -> Response:
    """Every audience: a brand or segment that answers are written for."""
    return JSONResponse(call.world.where("audiences"))


def get_attribute(call: Call) -> Response:
    """What a freeform topic of conversations is called."""
    attribute = call.world.get("attributes", call.ids["attribute"])
    if attribute is None:
        detail = f"custom attribute {call.ids['attribute']} does not exist"
        return single(404, "", "not_exist", detail)
    return JSONResponse(attribute)


def _one(call: Call, table: str, name: str) -> Response:
    record = call.world.get(table, call.ids[name])
    return JSONResponse(record) if record else nothing()


def _agent(world: World, name: str) -> JsonObject | None:
    by_address = [a for a in world.where("agents") if a["emailAddress"] == name.lower()]
    return world.get("agents", name) or (by_address[0] if by_address else None)


def _no_agent(call: Call) -> Response:
    return single(404, "", "not_exist", f"agent {call.ids['agent']} does not exist")
