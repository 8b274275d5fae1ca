"""Gladly's events: what happened in the last 24 hours, as JSON lines.

The simulated organisation is busy at fixed times: one event every twenty minutes of every day, of
each entity in turn. So events keep their times however often they are asked for, and there are
some on whatever day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from sidecar.gladly.simulator.answers import blank, invalid
from sidecar.gladly.simulator.call import Call, moment, written
from sidecar.gladly.simulator.exports import lines
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject

JSON_LINES = "application/x-jsonlines"
WINDOW = timedelta(hours=24)
LATENESS = timedelta(seconds=15)
"""How far events are behind real time; Gladly says up to this."""

_STEP = timedelta(minutes=20)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def list_events(call: Call) -> Response:
    """The events of the `entities` from `startAt` to `endAt`, oldest first."""
    entities = call.query.getlist("entities")
    start = moment(call.query.get("startAt"))
    end = moment(call.query.get("endAt")) if "endAt" in call.query else call.now
    if not entities or start is None:
        return blank("entities" if start else "startAt")
    if end is None or end <= start:
        return invalid("startAt", "endAt must occur after startAt")
    if call.now - start > WINDOW:
        return invalid("startAt", "startAt must be within the last 24 hours")
    if not set(entities) <= _KINDS.keys():
        return invalid("entities", "entities must be one of " + ", ".join(_KINDS))
    until = min(end, call.now - LATENESS)
    return lines(_between(call.world, start, until, set(entities)), JSON_LINES)


def _between(
    world: World, start: datetime, end: datetime, entities: set[str]
) -> Iterator[JsonObject]:
    number = -((_EPOCH - start) // _STEP)
    while (at := _EPOCH + number * _STEP) <= end:
        entity = list(_KINDS)[number % len(_KINDS)]
        if entity in entities:
            kind, content = _KINDS[entity](world)
            yield {
                "id": world.id_of(f"event/{number}"),
                "type": f"{entity}/{kind}",
                "timestamp": written(at),
                "initiator": {"id": world.id_of("agent/front"), "type": "AGENT"},
                "content": content | ({"occurredAt": written(at)} if "AGENT" in entity else {}),
            }
        number += 1


def _availability(world: World) -> tuple[str, JsonObject]:
    return "UPDATED", {"agentId": world.id_of("agent/front"), "availableFor": ["MAIL", "VOICE"]}


def _status(world: World) -> tuple[str, JsonObject]:
    reason = {"id": world.id_of("reason/triage"), "name": "Triage"}
    return "LOGGED_IN", {"agentId": world.id_of("agent/front"), "activeReason": reason}


def _contact(world: World) -> tuple[str, JsonObject]:
    return "MESSAGE_RECEIVED", {
        "channel": "SMS",
        "contactId": world.id_of("contact/sms"),
        "messageId": world.id_of("item/sms"),
        **_thread(world),
        "context": _assignee(world),
    }


def _conversation(world: World) -> tuple[str, JsonObject]:
    return "CUSTOM_ATTRIBUTE_ADDED", _thread(world) | {
        "customAttributeId": world.id_of("attribute/order"),
        "customAttributeKey": "ORDER_ID",
        "customAttributeValue": "8812",
    }


def _customer(world: World) -> tuple[str, JsonObject]:
    return "MERGED", {
        "destinationCustomerId": world.id_of("customer/merged"),
        "sourceCustomerId": world.id_of("customer/before-merge"),
    }


def _payment(world: World) -> tuple[str, JsonObject]:
    return "CREATED", _thread(world) | {
        "contactId": world.id_of("contact/sms"),
        "paymentRequestId": world.id_of("payment/1"),
        "context": {"currency": "USD", "monetaryUnit": "CENT"},
    }


def _task(world: World) -> tuple[str, JsonObject]:
    return "COMMENT_ADDED", {
        "customerId": world.id_of("customer/caller"),
        "taskId": world.id_of("task/qa"),
        "commentId": world.id_of("comment/qa"),
        "context": _assignee(world) | {"dueAt": "2026-12-01T17:00:00.000Z"},
    }


def _thread(world: World) -> JsonObject:
    return {
        "customerId": world.id_of("customer/delivery"),
        "conversationId": world.id_of("conversation/sms"),
    }


def _assignee(world: World) -> JsonObject:
    ids = {"inboxId": world.id_of("inbox/support"), "agentId": world.id_of("agent/front")}
    return {"assignee": ids}


_KINDS: dict[str, Callable[[World], tuple[str, JsonObject]]] = {
    "AGENT_AVAILABILITY": _availability,
    "AGENT_STATUS": _status,
    "CONTACT": _contact,
    "CONVERSATION": _conversation,
    "CUSTOMER": _customer,
    "PAYMENT_REQUEST": _payment,
    "TASK": _task,
}
