"""More than fits: one record over each of Gladly's caps, so that cut lists can be tried.

A busy customer has 101 conversations, one of them with 1001 items, and 2001 tasks; one task has
1001 comments.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sidecar.gladly.simulator.ids import Ids, Table, by_id
from sidecar.gladly.simulator.seed import talk

CONVERSATIONS = 101
ITEMS = 1001
TASKS = 2001
COMMENTS = 1001

_START = datetime(2026, 1, 1, 8, tzinfo=UTC)
_LONG = datetime(2026, 10, 1, 10, tzinfo=UTC)


def conversations(id_of: Ids) -> Table:
    """A hundred short ones, all closed, and then the long one, which is open."""
    busy = [
        talk.conversation(id_of, f"busy/{n}", "busy", "CLOSED", _at(n * 1440)[:10])
        for n in range(1, CONVERSATIONS)
    ]
    long = talk.conversation(id_of, "long", "busy", "OPEN", "2026-10-01")
    return by_id([*busy, long | {"topicIds": []}])


def items(id_of: Ids) -> Table:
    """What is in the long conversation; the last item is a call that goes on."""
    customer = {"id": id_of("customer/busy"), "type": "CUSTOMER"}
    agent = {"id": id_of("agent/front"), "type": "AGENT"}
    thread = {"customerId": customer["id"], "conversationId": id_of("conversation/long")}
    rows = []
    for n in range(1, ITEMS):
        is_ours = n % 2 == 0
        rows.append(
            {
                "id": id_of(f"item/long/{n}"),
                **thread,
                "timestamp": _at(n, _LONG),
                "initiator": agent if is_ours else customer,
                "responder": customer if is_ours else agent,
                "content": talk.chat(f"Message {n} about order {8000 + n}."),
            }
        )
    ongoing = {"type": "PHONE_CALL", "from": "+14155550166", "to": talk.COMPANY}
    ongoing |= {"startedAt": _at(ITEMS, _LONG), "answeredAt": _at(ITEMS, _LONG)}
    last = {"id": id_of("item/live-call"), **thread, "timestamp": _at(ITEMS, _LONG)}
    rows.append(last | {"initiator": customer, "responder": agent, "content": ongoing})
    return by_id(rows)


def tasks(id_of: Ids) -> Table:
    """All of the busy customer's."""
    customer, agent = id_of("customer/busy"), id_of("agent/front")
    assignee = {"inboxId": id_of("inbox/support"), "agentId": agent}
    return by_id(
        {
            "id": id_of(f"task/busy/{n}"),
            "customerId": customer,
            "timestamp": _at(n),
            "createdBy": {"id": agent, "type": "AGENT"},
            "assignee": assignee,
            "body": f"Follow up on order {6000 + n}.",
            "dueAt": "2026-12-01T17:00:00.000Z",
            "status": "CLOSED" if n % 3 else "OPEN",
        }
        for n in range(1, TASKS + 1)
    )


def comments(id_of: Ids) -> Table:
    """All of one task's."""
    task, agent = id_of("task/commented"), id_of("agent/qa")
    return by_id(
        {
            "id": id_of(f"comment/{n}"),
            "agentId": agent,
            "comment": f"Tried to call, attempt {n}.",
            "taskId": task,
            "createdAt": _at(n),
        }
        for n in range(1, COMMENTS + 1)
    )


def _at(minutes: int, start: datetime = _START) -> str:
    return (start + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:00.000Z")
