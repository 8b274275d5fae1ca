"""What the simulated organisation holds at the start: pure data, the same for the same seed.

Planted for the two workflows. *Triage*: a customer texts, for the second time, that an item was
missing. *Call audit*: one call in which the caller's PIN was asked for, one in which it was not.
Contact data, a card number, a token and a PIN stand where people really write them. Numbers are
of the range reserved for fiction (555-01xx) in a real area, so that a number checker accepts them;
the card is the networks' test number.
"""

from __future__ import annotations

from sidecar.gladly import simulator_seed_talk as talk
from sidecar.gladly.simulator_ids import Ids, Table, by_id, ids
from sidecar.model import JsonObject

Tables = dict[str, Table]
"""Table name -> id -> record, each in Gladly's own form."""


def tables(seed: str) -> Tables:
    """Every table of the seeded world. Labels of the ids are listed in `World.id_of`."""
    id_of = ids(seed)
    return {
        "customers": _customers(id_of),
        "conversations": talk.conversations(id_of),
        "items": talk.items(id_of),
        "transcripts": talk.transcripts(id_of),
        "tasks": _tasks(id_of),
        "comments": {},
        "agents": _agents(id_of),
        "inboxes": _inboxes(id_of),
        "answers": _answers(id_of),
        "jobs": _jobs(id_of),
    }


def members(seed: str) -> dict[str, set[str]]:
    """Which agents work in which inbox, by id; Gladly's inbox records do not tell."""
    id_of = ids(seed)
    agents = {"support": ("front",), "escalations": ("front", "qa"), "billing": ("billing",)}
    return {id_of(f"inbox/{k}"): {id_of(f"agent/{a}") for a in v} for k, v in agents.items()}


def organization(seed: str) -> JsonObject:
    """The one organisation."""
    return {
        "id": ids(seed)("organization"),
        "loginDomain": "sample-store",
        "name": "Sample Store",
        "timezone": "America/Los_Angeles",
        "gladlyUrl": "https://sample-store.gladly.com",
    }


def _customers(id_of: Ids) -> Table:
    return by_id(
        [
            _customer(id_of("customer/delivery"), "Mara Lindqvist", talk.DELIVERY_PHONE, "VIP"),
            _customer(id_of("customer/caller"), "Tomas Okafor", talk.CALLER_PHONE, "standard"),
            _customer(id_of("customer/merged"), "Ingrid Vale", "+14155550144", "standard"),
            _customer(id_of("customer/waiting"), "Noor Haddad", "+14155550155", "standard"),
        ]
    )


def _customer(id_: str, name: str, phone: str, tier: str) -> JsonObject:
    mailbox = name.lower().replace(" ", ".")
    return {
        "id": id_,
        "name": name,
        "address": f"{int(phone[-3:])} Harbor Street, Oakland, CA 94607",
        "emails": [
            {
                "original": f"{mailbox}@example.com",
                "normalized": f"{mailbox}@example.com",
                "primary": True,
            },
            {"original": f"{mailbox}@work.example", "normalized": f"{mailbox}@work.example"},
        ],
        "phones": [
            {
                "original": phone,
                "normalized": phone,
                "primary": True,
                "type": "MOBILE",
                "smsPreference": "ON",
            }
        ],
        "externalCustomerIds": {"store": f"C-{phone[-4:]}"},
        "customAttributes": {"tier": tier, "lastOrder": "8812"},
        "createdAt": "2025-03-01T09:00:00.000Z",
        "updatedAt": f"2026-10-{int(phone[-2:]) % 28 + 1:02d}T09:00:00.000Z",
    }


def _tasks(id_of: Ids) -> Table:
    return by_id(
        [
            _task(id_of, "qa", "QA: review calls of this customer for identity checks", "OPEN"),
            _task(id_of, "done", "Send the warranty papers again", "CLOSED"),
        ]
    )


def _task(id_of: Ids, label: str, body: str, status: str) -> JsonObject:
    return {
        "id": id_of(f"task/{label}"),
        "customerId": id_of("customer/caller"),
        "timestamp": "2026-11-01T11:00:00.000Z",
        "createdBy": {"id": id_of("agent/qa"), "type": "AGENT"},
        "assignee": {"inboxId": id_of("inbox/escalations"), "agentId": id_of("agent/qa")},
        "body": body,
        "dueAt": "2026-12-01T17:00:00.000Z",
        "status": status,
    }


def _agents(id_of: Ids) -> Table:
    names = {"front": "Rui Tanaka", "billing": "Elsa Brandt", "qa": "Odile Mensah"}
    return by_id(
        [
            {
                "id": id_of(f"agent/{label}"),
                "name": name,
                "emailAddress": f"{name.lower().replace(' ', '.')}@sample-store.example",
            }
            for label, name in names.items()
        ]
    )


def _inboxes(id_of: Ids) -> Table:
    names = ("Support", "Escalations", "Billing")
    return by_id([{"id": id_of(f"inbox/{n.lower()}"), "name": n, "disabled": False} for n in names])


def _answers(id_of: Ids) -> Table:
    texts = {
        "Gift cards": "<p>Gift cards never expire.</p>",
        "International shipping delays": "<p>Customs can add up to ten working days abroad.</p>",
        "Returns": "<p>Return anything within 30 days.</p>",
    }
    return by_id(
        [
            {
                "id": id_of(f"answer/{name}"),
                "name": name,
                "bodyHtml": text,
                "language": "en-us",
                "updatedAt": "2026-08-01T08:00:00.000Z",
            }
            for name, text in texts.items()
        ]
    )


def _jobs(id_of: Ids) -> Table:
    statuses = {"finished": "COMPLETED", "running": "IN_PROGRESS"}
    return by_id(
        [
            {
                "id": id_of(f"job/{label}"),
                "scheduleId": id_of("schedule"),
                "status": status,
                "updatedAt": "2026-11-01T00:10:00.000Z",
                "parameters": {
                    "type": "CONVERSATIONS",
                    "startAt": "2026-10-31T00:00:00Z",
                    "endAt": "2026-11-01T00:00:00Z",
                },
                "files": ["agents.jsonl", "customers.jsonl"] if status == "COMPLETED" else [],
            }
            for label, status in statuses.items()
        ]
    )
