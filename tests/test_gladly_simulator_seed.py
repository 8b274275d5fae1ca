"""What the simulated organisation holds at the start: the same in every run, and personal data."""

import base64
import json
import re
from time import perf_counter
from typing import Any

import phonenumbers
import pytest
from gladly_fixtures import Gladly

from sidecar import redaction
from sidecar.gladly.simulator import World, ids
from sidecar.gladly.simulator.seed.planted import PLANTED
from sidecar.gladly.simulator.seed.talk import INJECTION

pytestmark = pytest.mark.thorough

LABELS = {
    "customers": [
        *(f"customer/{x}" for x in ("delivery", "caller", "merged", "waiting", "busy")),
        *(f"customer/crowd/{n}" for n in range(1, 52)),
    ],
    "conversations": [
        *(
            f"conversation/{x}"
            for x in (
                "chat",
                "sms",
                "verified-call",
                "unverified-call",
                "waiting",
                "channels",
                "long",
            )
        ),
        *(f"conversation/busy/{n}" for n in range(1, 101)),
    ],
    "items": [
        f"item/{x}"
        for x in (
            "first-complaint",
            "sms",
            "card",
            "note",
            "email",
            "unknown",
            "injection",
            "verified-call",
            "unverified-call",
            "waiting",
            "channel/chat-message",
            "channel/sms",
            "channel/email",
            "channel/facebook-message",
            "channel/conversation-note",
            "channel/customer-activity",
            "channel/phone-call",
            "channel/voicemail",
            "channel/voice-ai-message",
            "channel/whatsapp",
            "channel/instagram-direct",
            "channel/twitter",
        )
    ],
    "tasks": [
        *(f"task/{x}" for x in ("qa", "done", "commented")),
        *(f"task/busy/{n}" for n in range(1, 2002)),
    ],
    "comments": ["comment/qa", *(f"comment/{n}" for n in range(1, 1002))],
    "agents": [f"agent/{x}" for x in ("front", "billing", "qa")],
    "inboxes": [f"inbox/{x}" for x in ("support", "escalations", "billing")],
    "teams": ["team/support", "team/quality"],
    "topics": [f"topic/{x}" for x in ("delivery", "returns", "retired")],
    "audiences": ["audience/everybody", "audience/vip"],
    "attributes": ["attribute/order"],
    "answers": [f"answer/{x}" for x in ("Gift cards", "International shipping delays", "Returns")],
    "help_centers": ["help-center/main"],
    "hours": ["business-hours/main", "business-hours/holidays"],
    "schedules": ["schedule"],
    "jobs": ["job/finished", "job/running"],
    "webhooks": ["webhook/enabled", "webhook/disabled"],
    "campaigns": ["campaign/spring"],
}


@pytest.mark.parametrize("table", LABELS)
def test_every_labelled_record_is_there(table):
    world = World.seeded()
    missing = [label for label in LABELS[table] if world.get(table, world.id_of(label)) is None]
    assert missing == []


def test_ids_are_sixteen_bytes_in_url_safe_base64_and_the_same_in_every_run():
    world = World.seeded()
    for table in world.tables.values():
        for id_, record in table.items():
            assert id_ == record["id"]
            assert re.fullmatch(r"[A-Za-z0-9_-]{22}", id_)
            assert len(base64.urlsafe_b64decode(id_ + "==")) == 16
    assert World.seeded().tables == world.tables
    assert World.seeded("other").id_of("task/qa") != world.id_of("task/qa")
    assert ids("sample-store")("customer/delivery") == "fpDL5a8GbDpnX0jfzVkd9A"


def test_another_seed_gives_other_records_of_the_same_kinds():
    one, other = World.seeded().tables, World.seeded("other").tables
    assert {name: len(rows) for name, rows in one.items()} == {k: len(v) for k, v in other.items()}
    assert all(not one[name].keys() & other[name].keys() for name in one)


def test_reset_undoes_every_change_and_new_ids_begin_again():
    gladly = Gladly()
    first = gladly.world.new_id()
    gladly("DELETE", f"/customer-profiles/{gladly.id_of('customer/caller')}")
    gladly("DELETE", f"/answers/{gladly.id_of('answer/Gift cards')}")
    assert gladly.world.tables != World.seeded().tables
    gladly.world.reset()
    assert gladly.world == World.seeded()
    assert gladly.world.new_id() == first


def test_a_world_is_made_quickly():
    """Of ten tries one is quick, however busy the machine is with other things."""
    times = []
    for _ in range(10):
        start = perf_counter()
        World.seeded()
        times.append(perf_counter() - start)
    assert min(times) < 0.3


@pytest.mark.parametrize("name", ["customerId", "conversationId", "taskId", "agentId", "inboxId"])
def test_every_id_in_a_record_is_some_records(name):
    world = World.seeded()
    kinds = {"customer": "customers", "conversation": "conversations", "task": "tasks"}
    kinds |= {"agent": "agents", "inbox": "inboxes"}
    target = world.tables[kinds[name.removesuffix("Id")]]
    held = [row[name] for table in world.tables.values() for row in table.values() if name in row]
    assert held
    assert set(held) <= target.keys()


# ---- personal data

WRITTEN = {
    "channel/chat-message": ["content"],
    "channel/sms": ["content"],
    "channel/email": ["subject", "content"],
    "channel/facebook-message": ["content"],
    "channel/conversation-note": ["body"],
    "channel/customer-activity": ["body"],
    "channel/phone-call": ["recordingSummary"],
    "channel/voicemail": ["recordingSummary"],
    "channel/voice-ai-message": ["body"],
    "channel/whatsapp": ["content"],
    "channel/instagram-direct": ["content"],
    "channel/twitter": ["content"],
    "channel/custom": ["content"],
}


def texts() -> dict[str, str]:
    """Every text that people write, by where it stands."""
    world = World.seeded()

    def of(table: str, label: str) -> dict[str, Any]:
        return world.tables[table][world.id_of(label)]

    found = {
        f"{label} {name}": of("items", f"item/{label}")["content"][name]
        for label, names in WRITTEN.items()
        for name in names
    }
    for label in ("channel/phone-call", "channel/voicemail"):
        found[f"{label} transcript"] = of("transcripts", f"item/{label}")["paragraphs"]
    found["customer attributes"] = of("customers", "customer/delivery")["customAttributes"]
    talk = of("conversations", "conversation/channels")
    found["conversation attributes"] = talk["customAttributes"]
    for label in ("task/done", "task/commented"):
        found[label] = of("tasks", label)["body"]
    found["comment/qa"] = of("comments", "comment/qa")["comment"]
    return {where: json.dumps(value, ensure_ascii=False) for where, value in found.items()}


TEXTS = texts()


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("where", TEXTS)
def test_every_class_of_personal_data_is_planted_in_every_text(where, kind):
    assert PLANTED[kind] in TEXTS[where]


def test_short_texts_hold_what_fits():
    gladly = Gladly()

    def content(label: str) -> Any:
        return gladly("GET", f"/conversation-items/{gladly.id_of(f'item/{label}')}").json()[
            "content"
        ]

    activity = content("channel/customer-activity")
    assert PLANTED["phone"] in str(activity["title"])
    assert PLANTED["name"] in str(activity["link"])
    assert "mara.lindqvist%40example.com" in str(activity["link"])
    assert PLANTED["email"] in str(content("channel/email")["attachments"])
    assert PLANTED["phone"] in str(content("channel/chat-message")["messageData"])
    assert PLANTED["email"] in str(content("channel/quick-reply")["messageData"])


def test_planted_values_are_such_as_a_scan_finds():
    entities = {finding.entity for finding in redaction.scan({"text": TEXTS["comment/qa"]})}
    assert {"EMAIL", "PHONE", "CARD", "PIN", "TOKEN"} <= entities


def test_telephone_numbers_are_valid_and_of_fiction():
    for customer in World.seeded().where("customers"):
        for phone in customer["phones"]:
            number = phonenumbers.parse(phone["normalized"])
            assert phonenumbers.is_valid_number(number)
            assert re.fullmatch(r"\+1415555 ?01\d\d", phone["normalized"])


def test_hosts_and_mail_domains_are_reserved_ones():
    everything = json.dumps(World.seeded().tables).replace(".jpg", "")
    domains = set(re.findall(r"(?:\w@|https://)([a-z0-9.-]*[a-z])", everything))
    assert {"example.com", "work.example"} < domains
    assert {d for d in domains if not re.search(r"(^|\.)(example|example\.com)$", d)} == set()


def test_a_customer_wrote_orders_to_whatever_model_reads_along():
    gladly = Gladly()
    items = gladly("GET", f"/conversations/{gladly.id_of('conversation/sms')}/items").json()
    (told,) = [i for i in items if i["content"].get("content") == INJECTION]
    assert told["id"] == gladly.id_of("item/injection")
    assert told["initiator"]["type"] == "CUSTOMER"
    for word in ("Ignore all previous instructions", "export every customer", "webhook"):
        assert word in INJECTION
