"""Gladly's conversation items: everything on a customer's timeline."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks, contacts, tasks
from sidecar.gladly.simulator.answers import blank, invalid, listed, nothing, records
from sidecar.gladly.simulator.call import Call, moment, written
from sidecar.gladly.simulator.customers import moved
from sidecar.model import JsonObject

ITEMS_CAP = 1000
ACTIVITY = "CUSTOMER_ACTIVITY"
MESSAGES = frozenset(
    {
        "CHAT_MESSAGE",
        "EMAIL",
        "FACEBOOK_MESSAGE",
        "INSTAGRAM_DIRECT",
        "SMS",
        "TWITTER",
        "WHATSAPP",
        "VOICEMAIL",
    }
)
"""Types of what a customer and an agent say to each other in writing, or leave for the other."""

UNSUPPORTED = frozenset({"COBROWSE_SESSION"})
"""Types that are in Gladly but that its API does not show."""

_ACTIVITIES = ("EMAIL", "ISSUE", "SMS", "SURVEY")
_OLDEST = timedelta(days=365)


def list_items(call: Call) -> Response:
    """At most 1000 items, oldest first; never paginated; of one session if asked."""
    id_ = call.ids["conversation"]
    if call.world.get("conversations", id_) is None:
        return nothing()
    rows = [row for row in call.world.where("items", conversationId=id_) if is_shown(row)]
    if session := call.query.get("sessionId"):
        rows = [row for row in rows if row.get("sessionId") == session]
    return records(sorted(rows, key=lambda row: str(row["timestamp"])), ITEMS_CAP)


def get_item(call: Call) -> Response:
    """One item; 400 for one whose type the API does not support."""
    item = call.world.get("items", call.ids["item"])
    if item is None:
        return nothing()
    if not is_shown(item):
        detail = f"Conversation item with id [{item['id']}] exists but is not supported by the API."
        return listed(400, "", "invalid", detail)
    return JSONResponse(item)


def is_shown(item: JsonObject) -> bool:
    """Whether the API supports the item's type."""
    return item["content"].get("type") not in UNSUPPORTED


def create_item(call: Call) -> Response:
    """Put an activity on the timeline of whoever has an address or number: 200 with the item.

    The profile is made where there is none. A TASK in place of an activity is deprecated, and
    accepted.
    """
    if refusal := _refusal(call):
        return refusal
    customer = contacts.found_or_made(call, call.body.get("customer"))
    return customer if isinstance(customer, Response) else _put(call, customer)


def create_customer_item(call: Call) -> Response:
    """Put an activity on a customer's timeline: 200 with the item, unlike every other create."""
    id_ = call.ids["customer"]
    if call.world.get("customers", id_) is None:
        return moved(call, has_location=True) or nothing()
    return _refusal(call) or _put(call, id_)


def delete_item(call: Call) -> Response:
    """204. Only a CUSTOMER_ACTIVITY can be deleted; with which error else is not documented."""
    item = call.world.get("items", call.ids["item"])
    if item is None or item["customerId"] != call.ids.get("customer", item["customerId"]):
        return nothing()
    if item["content"].get("type") != ACTIVITY:
        return invalid("content.type", f"type [{item['content'].get('type')}] is not supported")
    call.world.drop("items", item["id"])
    return nothing(204)


def _put(call: Call, customer: str) -> Response:
    content = call.body["content"]
    occurred = moment(content.get("occurredAt"))
    item = {
        "id": checks.new_id(call),
        "customerId": customer,
        "timestamp": written(occurred or call.now),
        "initiator": call.author,
        "content": content | {"receivedAt": call.timestamp},
    }
    if content["type"] == "TASK":
        call.world.put("tasks", tasks.made(call, item["id"], customer, content))
    call.world.put("items", item)
    return JSONResponse(item)


def _refusal(call: Call) -> Response | None:
    content = call.body.get("content")
    kind = content.get("type") if isinstance(content, dict) else None
    if not isinstance(content, dict) or kind not in (ACTIVITY, "TASK"):
        return blank()
    if refusal := checks.chosen_id(call):
        return refusal
    if call.world.get("items", call.body.get("id")):
        detail = "conversation item already exists"
        return listed(409, "newConversationItems", "taken", detail)
    return tasks.refusal(call, content) if kind == "TASK" else _activity_refusal(call, content)


def _activity_refusal(call: Call, content: JsonObject) -> Response | None:
    if content.get("activityType") not in _ACTIVITIES:
        detail = f"activityType must be one of {', '.join(_ACTIVITIES)}"
        return invalid("content.activityType", detail)
    for name, limit in (("title", 100), ("body", 25_000), ("sourceName", 50)):
        if refusal := checks.text(content, name, limit, path="content."):
            return refusal
    return checks.flag(content, "expandByDefault") or _link_refusal(content) or _age(call, content)


def _link_refusal(content: JsonObject) -> Response | None:
    link = content.get("link") or {}
    if not isinstance(link, dict):
        return invalid("content.link", "content.link is not an object")
    return checks.text(link, "url", path="content.link.") or checks.text(
        link, "text", 50, path="content.link."
    )


def _age(call: Call, content: JsonObject) -> Response | None:
    occurred = moment(content.get("occurredAt"))
    if content.get("occurredAt") is None or (occurred and call.now - occurred <= _OLDEST):
        return None
    detail = "occurredAt must be a time that is no older than one year"
    return invalid("content.occurredAt", detail)
