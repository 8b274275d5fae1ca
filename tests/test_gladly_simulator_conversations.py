"""Gladly's conversations in the simulator: what is in them, and what their state forbids."""

import pytest
from gladly_fixtures import Gladly

CLOSE = {"status": {"value": "CLOSED"}}
ACTIVITY = {"type": "CUSTOMER_ACTIVITY", "activityType": "ISSUE"}


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


def conversation(gladly: Gladly, label: str) -> str:
    return f"/conversations/{gladly.id_of(f'conversation/{label}')}"


def item(gladly: Gladly, label: str) -> str:
    return f"/conversation-items/{gladly.id_of(f'item/{label}')}"


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_conversations_come_oldest_first_and_a_cut_list_says_so(gladly):
    whole = gladly("GET", f"/customers/{gladly.id_of('customer/delivery')}/conversations")
    assert [c["status"] for c in whole.json()] == ["CLOSED", "OPEN", "OPEN"]
    assert "gladly-limited-data" not in whole.headers
    cut = gladly("GET", f"/customers/{gladly.id_of('customer/busy')}/conversations")
    busy = [gladly.id_of(f"conversation/busy/{n}") for n in range(1, 101)]
    assert [c["id"] for c in cut.json()] == busy
    assert "gladly-limited-data" in cut.headers


def test_an_unknown_customer_has_no_conversations_and_no_body(gladly):
    answer = gladly("GET", "/customers/x/conversations")
    assert (answer.status_code, answer.content) == (404, b"")


# ---- status and assignee


def test_a_conversation_is_closed_and_opened_again(gladly):
    path = conversation(gladly, "sms")
    assert gladly("PATCH", path, json=CLOSE).status_code == 204
    assert gladly("GET", path).json()["closedAt"] == "2026-11-10T12:00:00.000Z"
    assert gladly("PATCH", path, json={"status": {"value": "OPEN"}}).status_code == 204
    assert "closedAt" not in gladly("GET", path).json()


def test_a_waiting_customer_keeps_the_conversation_open_unless_it_is_forced(gladly):
    path = conversation(gladly, "waiting")
    refused = gladly("PATCH", path, json=CLOSE)
    assert code(refused) == (400, "invalid_state")
    assert "status.force" in refused.json()["errors"][0]["detail"]
    forced = {"status": {"value": "CLOSED", "force": True}}
    assert gladly("PATCH", path, json=forced).status_code == 204


def test_a_reply_ends_the_waiting(gladly):
    reply = {"content": {"type": "SMS", "body": "We are here."}}
    assert gladly("POST", f"{item(gladly, 'waiting')}/reply", json=reply).status_code == 201
    assert gladly("PATCH", conversation(gladly, "waiting"), json=CLOSE).status_code == 204


def test_topics_are_wanted_before_closing_only_where_the_organisation_wants_them(gladly):
    path = conversation(gladly, "long")
    gladly.world.needs_topics = True
    assert code(gladly("PATCH", path, json=CLOSE)) == (400, "invalid_state")
    topics = {"topicIds": [gladly.id_of("topic/delivery")]}
    assert gladly("POST", f"{path}/topics", json=topics).status_code == 204
    assert gladly("PATCH", path, json=CLOSE).status_code == 204


def test_only_an_agent_of_the_inbox_is_assigned_and_without_one_nobody_is(gladly):
    path, inbox = conversation(gladly, "sms"), gladly.id_of("inbox/billing")
    for agent, status in (("front", 400), ("billing", 204)):
        assignee = {"inboxId": inbox, "agentId": gladly.id_of(f"agent/{agent}")}
        assert gladly("PATCH", path, json={"assignee": assignee}).status_code == status
    assert gladly("GET", path).json()["agentId"] == gladly.id_of("agent/billing")
    assert gladly("PATCH", path, json={"assignee": {"inboxId": inbox}}).status_code == 204
    assert "agentId" not in gladly("GET", path).json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "blank"),
        ({"status": "CLOSED"}, "blank"),
        ({"status": {"value": "WAITING"}}, "invalid"),
        ({"assignee": {"inboxId": "nowhere"}}, "not_exist"),
    ],
)
def test_what_else_a_conversation_refuses(gladly, body, expected):
    assert code(gladly("PATCH", conversation(gladly, "sms"), json=body)) == (400, expected)


def test_a_closed_conversation_is_not_reassigned(gladly):
    body = {"assignee": {"inboxId": gladly.id_of("inbox/support")}}
    assert code(gladly("PATCH", conversation(gladly, "chat"), json=body)) == (400, "invalid_state")


# ---- labels


@pytest.mark.parametrize("key", ["topicIds", "topicIDs"])
def test_topics_are_added_once_and_removed(gladly, key):
    path, topic = conversation(gladly, "sms"), gladly.id_of("topic/returns")
    for _ in range(2):
        assert gladly("POST", f"{path}/topics", json={key: [topic]}).status_code == 204
    both = [gladly.id_of("topic/delivery"), topic]
    assert gladly("GET", path).json()["topicIds"] == both
    for _ in range(2):
        assert gladly("DELETE", f"{path}/topics/{topic}").status_code == 204
    assert gladly("GET", path).json()["topicIds"] == both[:1]
    assert code(gladly("POST", f"{path}/topics", json={key: ["x"]})) == (400, "not_exist")
    assert gladly("DELETE", f"{path}/topics/x").status_code == 404


def test_freeform_topics_are_added_once_and_removed(gladly):
    path = (
        f"/customer-history/{gladly.id_of('customer/delivery')}"
        f"/conversations/{gladly.id_of('conversation/sms')}/custom-attributes"
    )
    attribute = gladly.id_of("attribute/order")
    new = {"key": "ORDER_ID", "value": "8641"}
    body = {"add": [new, new], "remove": [{"key": attribute, "value": "8812"}]}
    assert gladly("POST", path, json=body).status_code == 204
    values = gladly("GET", conversation(gladly, "sms")).json()["customAttributes"]
    assert {(v["id"], v["value"]) for v in values} == {(attribute, "8641")}
    for wrong in ({"add": "x"}, {"add": [{"key": "ORDER_ID"}]}):
        assert code(gladly("POST", path, json=wrong)) == (400, "blank")
