"""The organisation and what it is made of: agents, inboxes, teams, topics, audiences, hours."""

from __future__ import annotations

from sidecar.gladly.simulator.ids import Ids, Table, by_id
from sidecar.model import JsonObject

AGENTS = {"front": "Rui Tanaka", "billing": "Elsa Brandt", "qa": "Odile Mensah"}
_CREATED = "2025-01-15T09:00:00.000Z"


def organization(id_of: Ids) -> JsonObject:
    """The one organisation."""
    return {
        "id": id_of("organization"),
        "loginDomain": "sample-store",
        "name": "Sample Store",
        "timezone": "America/Los_Angeles",
        "gladlyUrl": "https://sample-store.gladly.com",
    }


def members(id_of: Ids) -> dict[str, set[str]]:
    """Which agents work in which inbox, by id; Gladly's inbox records do not tell."""
    agents = {"support": ("front",), "escalations": ("front", "qa"), "billing": ("billing",)}
    return {id_of(f"inbox/{k}"): {id_of(f"agent/{a}") for a in v} for k, v in agents.items()}


def agents(id_of: Ids) -> Table:
    """Who answers customers."""
    return by_id(
        {
            "id": id_of(f"agent/{label}"),
            "name": name,
            "emailAddress": f"{name.lower().replace(' ', '.')}@sample-store.example",
        }
        for label, name in AGENTS.items()
    )


def recorders(id_of: Ids) -> Table:
    """Whose call is recorded: one agent is on a call, the others are not."""
    rows = {label: _recorder(id_of(f"agent/{label}")) for label in AGENTS}
    on_call = {
        "customerId": id_of("customer/busy"),
        "conversationItemId": id_of("item/live-call"),
        "recording": True,
    }
    rows["front"] |= on_call
    return by_id(rows.values())


def _recorder(agent: str) -> JsonObject:
    return {"id": agent, "agentId": agent, "recording": False}


def inboxes(id_of: Ids) -> Table:
    """Where conversations and tasks go."""
    names = ("Support", "Escalations", "Billing")
    return by_id({"id": id_of(f"inbox/{n.lower()}"), "name": n, "disabled": False} for n in names)


def teams(id_of: Ids) -> Table:
    """Who works together."""
    made = {"support": ("front", "billing"), "quality": ("qa",)}
    return by_id(
        {
            "id": id_of(f"team/{label}"),
            "name": label.title(),
            "description": f"The {label} team",
            "agentIds": [id_of(f"agent/{agent}") for agent in agents],
        }
        for label, agents in made.items()
    )


def topics(id_of: Ids) -> Table:
    """What conversations are about; one is retired, below another."""
    rows: list[JsonObject] = [
        {"id": id_of("topic/delivery"), "name": "Delivery", "disabled": False},
        {"id": id_of("topic/returns"), "name": "Returns", "disabled": False},
        {"id": id_of("topic/retired"), "name": "Holiday 2024", "disabled": True},
    ]
    rows[2]["parentId"] = id_of("topic/returns")
    return by_id(rows)


def audiences(id_of: Ids) -> Table:
    """Whom answers are written for."""
    names = {"everybody": "Everybody", "vip": "VIP"}
    return by_id({"id": id_of(f"audience/{k}"), "name": v} for k, v in names.items())


def attributes(id_of: Ids) -> Table:
    """Freeform topics of conversations."""
    order = {
        "id": id_of("attribute/order"),
        "key": "ORDER_ID",
        "label": "Order number",
        "deactivated": False,
        "createdAt": _CREATED,
        "createdBy": id_of("agent/qa"),
    }
    return by_id([order])


def hours(id_of: Ids) -> Table:
    """When somebody answers: the primary set, and the one of holidays."""
    return by_id([_hours(id_of, "main", "Main"), _hours(id_of, "holidays", "Holidays")])


def _hours(id_of: Ids, label: str, name: str) -> JsonObject:
    block = [{"start": "09:00", "stop": "17:00"}]
    days = ("monday", "tuesday", "wednesday", "thursday", "friday")
    exceptions = [{"name": "New Year", "start": "2027-01-01", "stop": "2027-01-01"}]
    office = {"timezone": "America/Los_Angeles", **dict.fromkeys(days, block)}
    return {
        "id": id_of(f"business-hours/{label}"),
        "version": 1,
        "name": name,
        "primary": label == "main",
        "officeHours": office | {"exceptions": exceptions},
        "createdAt": _CREATED,
        "updatedAt": _CREATED,
    }
