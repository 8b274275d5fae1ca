"""What Gladly refuses in a body whatever the endpoint: wrong types, long texts, chosen ids.

Each check gives the answer that refuses, or None. Gladly documents the words for answers and
replies; the same words serve for the rest, on which it is silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.responses import Response

from sidecar.gladly.simulator.answers import blank, invalid, listed
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject

ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""Ids that a caller may choose: url-safe, at most 50 characters."""


def text(
    fields: JsonObject, name: str, limit: int = 0, *, is_required: bool = False, path: str = ""
) -> Response | None:
    """A string of at most `limit` characters (0: any length); not empty if it is required.

    `path` stands before the name in what is told, such as `content.`.
    """
    value, attr = fields.get(name), path + name
    if value is None or (isinstance(value, str) and not value.strip()):
        return blank(attr) if is_required else None
    if not isinstance(value, str):
        return invalid(attr, f"{attr} is not a string")
    if limit and len(value) > limit:
        return listed(400, attr, "too_long", f"{attr} cannot be longer than {limit} characters")
    return None


def strings(fields: JsonObject, name: str) -> Response | None:
    """A list of strings, or nothing."""
    value = fields.get(name)
    if value is None or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return None
    return invalid(name, f"{name} is not a list of strings")


def flag(fields: JsonObject, name: str) -> Response | None:
    """True or false, or nothing."""
    if fields.get(name) is None or isinstance(fields[name], bool):
        return None
    return invalid(name, f"{name} is not true or false")


def chosen_id(call: Call) -> Response | None:
    """The id that the caller chose for a new record, if any."""
    id_ = call.body.get("id")
    if id_ is None or (isinstance(id_, str) and ID.fullmatch(id_)):
        return None
    return invalid("id", "id contains unsupported characters")


def new_id(call: Call) -> str:
    """The id that the caller chose, or the next one of the world's."""
    return str(call.body.get("id") or call.world.new_id())


def assignee(world: World, fields: JsonObject) -> Response | None:
    """An inbox that exists, and an agent only of those who work in it."""
    value = fields.get("assignee")
    inbox = value.get("inboxId") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not inbox:
        detail = "'inboxId' cannot be blank when updating assignee"
        return listed(400, "assignee.inboxId", "blank", detail)
    if world.get("inboxes", inbox) is None:
        return listed(400, "assignee.inboxId", "not_exist", "inbox does not exist")
    agent = value.get("agentId")
    if agent is not None and not (isinstance(agent, str) and agent in world.members.get(inbox, ())):
        detail = "agent does not belong to inbox"
        return listed(400, "assignee.agentId", "invalid_state", detail)
    return None


def picked(fields: JsonObject, names: Iterable[str]) -> JsonObject:
    """The members of these names that are there; null is as good as absent."""
    return {name: fields[name] for name in names if fields.get(name) is not None}
