"""What conversations are labelled with: topics, and freeform topics (custom attributes)."""

from __future__ import annotations

from starlette.responses import Response

from sidecar.gladly.simulator import checks
from sidecar.gladly.simulator.answers import blank, listed, nothing
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject


def add_topics(call: Call) -> Response:
    """204; a topic that is there already is ignored.

    Gladly's description requires `topicIDs` and gives `topicIds` in its example: both are taken.
    It is silent on an unknown topic: 400 `not_exist`.
    """
    conversation = call.world.get("conversations", call.ids["conversation"])
    if conversation is None:
        return nothing()
    added = call.body.get("topicIds") or call.body.get("topicIDs")
    if not added:
        return blank()
    if refusal := checks.strings({"topicIds": added}, "topicIds"):
        return refusal
    if not all(call.world.get("topics", topic) for topic in added):
        return listed(400, "topicIds", "not_exist", "topic does not exist")
    topics = list(dict.fromkeys([*(conversation.get("topicIds") or []), *added]))
    call.world.put("conversations", conversation | {"topicIds": topics})
    return nothing(204)


def remove_topic(call: Call) -> Response:
    """204, also for a topic that the conversation does not have."""
    conversation = call.world.get("conversations", call.ids["conversation"])
    if conversation is None or call.world.get("topics", call.ids["topic"]) is None:
        return nothing()
    topics = [t for t in conversation.get("topicIds") or [] if t != call.ids["topic"]]
    call.world.put("conversations", conversation | {"topicIds": topics})
    return nothing(204)


def update_attributes(call: Call) -> Response:
    """204 for freeform topics `add`ed and `remove`d, as in Gladly's example; its schema differs.

    A pair that is there already is ignored. For an unknown key the error is the one that
    Gladly's description names for this 400; a key may also be given as the attribute's id.
    """
    conversation = call.world.get("conversations", call.ids["conversation"])
    if conversation is None or conversation["customerId"] != call.ids["customer"]:
        return nothing()
    added, removed = call.body.get("add") or [], call.body.get("remove") or []
    if not (added or removed) or not (_are_pairs(added) and _are_pairs(removed)):
        return blank()
    keys = {row["key"]: _attribute(call.world, row["key"]) for row in [*added, *removed]}
    if None in keys.values():
        return listed(400, "", "not_exist", "entity does not exist")
    gone = _pairs(removed, keys)
    old = [p for p in conversation.get("customAttributes") or [] if p not in gone]
    new = [p for p in _pairs(added, keys) if p not in old]
    call.world.put("conversations", conversation | {"customAttributes": old + new})
    return nothing(204)


def _are_pairs(rows: object) -> bool:
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and isinstance(row.get("key"), str)
        and isinstance(row.get("value"), str)
        for row in rows
    )


def _attribute(world: World, key: str) -> str | None:
    for attribute in world.where("attributes", deactivated=False):
        if key in (attribute["key"], attribute["id"]):
            return str(attribute["id"])
    return None


def _pairs(rows: list[JsonObject], keys: dict[str, str | None]) -> list[JsonObject]:
    return [{"id": keys[row["key"]], "value": row["value"]} for row in rows]
