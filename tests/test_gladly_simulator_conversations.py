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


# ---- items


def test_items_come_oldest_first_with_the_planted_data(gladly):
    items = gladly("GET", f"{conversation(gladly, 'sms')}/items").json()
    assert [i["timestamp"] for i in items] == sorted(i["timestamp"] for i in items)
    assert "missed item" in items[0]["content"]["content"]
    text = str(items)
    for planted in ("4111 1111 1111 1111", "@example.com", "api_token=", "KIOSK_MESSAGE"):
        assert planted in text


def test_a_type_that_the_api_does_not_support_is_in_no_list_and_refused_by_id(gladly):
    listed = gladly("GET", f"{conversation(gladly, 'sms')}/items").json()
    assert gladly.id_of("item/unsupported") not in {i["id"] for i in listed}
    assert code(gladly("GET", item(gladly, "unsupported"))) == (400, "invalid")


def test_a_thousand_items_are_listed_and_the_cut_is_told(gladly):
    answer = gladly("GET", f"{conversation(gladly, 'long')}/items")
    assert len(answer.json()) == 1000
    assert "gladly-limited-data" in answer.headers
    assert gladly.id_of("item/live-call") not in {i["id"] for i in answer.json()}
    assert gladly("GET", item(gladly, "live-call")).status_code == 200


def test_items_can_be_those_of_one_session(gladly):
    path = f"{conversation(gladly, 'channels')}/items"
    some = gladly("GET", path, params={"sessionId": "session-2"}).json()
    assert {i["content"]["type"] for i in some} == {"CHAT_MESSAGE"}
    assert gladly("GET", path, params={"sessionId": "none"}).json() == []


def test_an_activity_lands_on_the_timeline_of_whoever_has_the_address(gladly):
    body = {"content": ACTIVITY, "customer": {"emailAddress": "MARA.Lindqvist@example.com"}}
    made = gladly("POST", "/conversation-items", json=body).json()
    assert made["customerId"] == gladly.id_of("customer/delivery")
    assert made["initiator"]["type"] == "API"
    assert made["content"]["receivedAt"] == made["timestamp"] == "2026-11-10T12:00:00.000Z"
    assert gladly("GET", f"/conversation-items/{made['id']}").json() == made


def test_a_contact_without_a_profile_gets_one(gladly):
    body = {"content": ACTIVITY, "customer": {"mobilePhone": "(415) 555-0129"}}
    first, second = (gladly("POST", "/conversation-items", json=body).json() for _ in range(2))
    assert first["customerId"] == second["customerId"]
    found = gladly("GET", "/customer-profiles", params={"phoneNumber": "+14155550129"}).json()
    assert [c["id"] for c in found] == [first["customerId"]]


@pytest.mark.parametrize(
    "customer",
    [None, {}, "x", {"emailAddress": "a@example.com", "mobilePhone": "+14155550129"}],
)
def test_an_activity_wants_exactly_one_contact(gladly, customer):
    body = {"content": ACTIVITY, "customer": customer}
    assert code(gladly("POST", "/conversation-items", json=body)) == (400, "blank")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "SMS"}, "blank"),
        ({"activityType": "CALL"}, "invalid"),
        ({"title": "x" * 101}, "too_long"),
        ({"body": "x" * 25_001}, "too_long"),
        ({"sourceName": "x" * 51}, "too_long"),
        ({"link": {"url": "https://a.example", "text": "x" * 51}}, "too_long"),
        ({"link": "https://a.example"}, "invalid"),
        ({"expandByDefault": "yes"}, "invalid"),
        ({"occurredAt": "2025-11-09T12:00:00Z"}, "invalid"),
        ({"occurredAt": "last week"}, "invalid"),
    ],
)
def test_an_activity_has_limits(gladly, fields, expected):
    path = f"/customers/{gladly.id_of('customer/delivery')}/conversation-items"
    assert code(gladly("POST", path, json={"content": ACTIVITY | fields})) == (400, expected)


def test_an_activity_within_all_limits_is_taken_at_its_time(gladly):
    content = ACTIVITY | {
        "title": "x" * 100,
        "body": "x" * 25_000,
        "sourceName": "x" * 50,
        "link": {"url": "https://a.example", "text": "x" * 50},
        "expandByDefault": True,
        "occurredAt": "2025-11-11T13:00:00+01:00",
    }
    path = f"/customers/{gladly.id_of('customer/delivery')}/conversation-items"
    made = gladly("POST", path, json={"content": content, "id": "mine"}).json()
    assert (made["id"], made["timestamp"]) == ("mine", "2025-11-11T12:00:00.000Z")
    again = gladly("POST", path, json={"content": content, "id": "not/mine"})
    assert code(again) == (400, "invalid")


def test_a_task_in_place_of_an_activity_is_deprecated_and_taken(gladly):
    inbox = {"inboxId": gladly.id_of("inbox/support")}
    content = {"type": "TASK", "body": "Call", "dueAt": "2026-12-24T12:00:00Z", "assignee": inbox}
    path = f"/customers/{gladly.id_of('customer/delivery')}/conversation-items"
    made = gladly("POST", path, json={"content": content}).json()
    assert gladly("GET", f"/tasks/{made['id']}").json()["body"] == "Call"
    del content["assignee"]
    assert code(gladly("POST", path, json={"content": content})) == (400, "blank")


def test_writing_to_a_merged_profile_is_301_with_a_location(gladly):
    old, new = (gladly.id_of(f"customer/{x}") for x in ("before-merge", "merged"))
    answer = gladly("POST", f"/customers/{old}/conversation-items", json={"content": ACTIVITY})
    assert answer.status_code == 301
    assert answer.headers["location"] == (
        f"http://gladly.example/api/v1/customers/{new}/conversation-items"
    )
    assert gladly.world.where("items", customerId=new) == []


@pytest.mark.parametrize("whose", ["", "/customers/{}"])
def test_only_an_activity_can_be_deleted(gladly, whose):
    owner = whose.format(gladly.id_of("customer/delivery"))
    path = owner + item(gladly, "channel/customer-activity")
    assert gladly("DELETE", path).status_code == 204
    assert gladly("DELETE", path).status_code == 404
    assert code(gladly("DELETE", owner + item(gladly, "sms"))) == (400, "invalid")


def test_an_item_is_not_deleted_as_somebody_elses(gladly):
    other = f"/customers/{gladly.id_of('customer/caller')}"
    path = item(gladly, "channel/customer-activity")
    assert gladly("DELETE", other + path).status_code == 404
    assert gladly("GET", path).status_code == 200


# ---- media


def test_one_call_has_the_pin_asked_for_and_the_other_has_not(gladly):
    def spoken(label: str) -> str:
        transcript = gladly("GET", f"{item(gladly, label)}/voice-transcript").json()
        assert "id" not in transcript
        return " ".join(p["transcript"] for p in transcript["paragraphs"])

    assert "PIN is 4827" in spoken("verified-call")
    assert "PIN" not in spoken("unverified-call")


def test_a_recording_is_sound_made_of_whole_frames(gladly):
    answer = gladly("GET", f"{item(gladly, 'channel/voicemail')}/media/recording")
    assert answer.headers["content-type"] == "audio/mpeg"
    frame = 144 * 128_000 // 44_100
    assert len(answer.content) % frame == 0
    starts = range(0, len(answer.content), frame)
    assert {answer.content[n : n + 3] for n in starts} == {b"\xff\xfb\x90"}


def test_the_recording_is_where_the_item_says(gladly):
    content = gladly("GET", item(gladly, "verified-call")).json()["content"]
    assert gladly("GET", content["recordingUrl"].removeprefix("/api/v1")).status_code == 200


def test_an_attachment_is_a_redirect_to_a_signed_url(gladly):
    (file,) = gladly("GET", item(gladly, "channel/email")).json()["content"]["attachments"]
    assert file["id"] == gladly.id_of("attachment/photo")
    first, second = (
        gladly("GET", f"{item(gladly, 'channel/email')}/attachments/{file['id']}") for _ in "ab"
    )
    assert (first.status_code, first.content) == (303, b"")
    assert first.headers["location"] == second.headers["location"]
    for missing in (item(gladly, "channel/email"), "/conversation-items/x"):
        assert gladly("GET", f"{missing}/attachments/x").status_code == 404


# ---- notes, replies, redaction


@pytest.mark.parametrize("body", [{"body": "N"}, {"content": {"body": "N"}}, {"content": "N"}])
def test_a_note_is_taken_in_every_documented_form(gladly, body):
    path = f"{conversation(gladly, 'sms')}/notes"
    answer = gladly("POST", path, json=body)
    assert (answer.status_code, answer.content) == (201, b"")
    note = gladly("GET", answer.headers["location"].removeprefix("/api/v1")).json()
    assert note["content"] == {"type": "CONVERSATION_NOTE", "body": "N"}
    elsewhere = f"{conversation(gladly, 'chat')}/notes/{note['id']}"
    assert gladly("GET", elsewhere).status_code == 404


@pytest.mark.parametrize("body", [{"body": ""}, {"body": 7}, {"content": {}}, {"content": []}])
def test_a_note_without_a_text_is_400(gladly, body):
    assert code(gladly("POST", f"{conversation(gladly, 'sms')}/notes", json=body)) == (400, "blank")


def test_a_reply_lands_in_the_conversation_of_the_message(gladly):
    reply = {"type": "SMS", "body": "x" * 2048}
    answer = gladly("POST", f"{item(gladly, 'sms')}/reply", json={"content": reply})
    made = gladly("GET", answer.headers["location"].removeprefix("/api/v1")).json()
    assert made["conversationId"] == gladly.id_of("conversation/sms")
    assert made["content"] == {"type": "SMS", "content": "x" * 2048}


def test_a_reply_to_a_conversation_of_nobody_assigns_the_api_user(gladly):
    path = conversation(gladly, "sms")
    inbox = {"inboxId": gladly.id_of("inbox/support")}
    gladly("PATCH", path, json={"assignee": inbox})
    reply = {"content": {"type": "SMS", "body": "Hello"}}
    gladly("POST", f"{item(gladly, 'sms')}/reply", json=reply)
    assert gladly("GET", path).json()["agentId"] == gladly.id_of("api-user")


@pytest.mark.parametrize(
    ("label", "changes", "expected"),
    [
        ("sms", {"body": " "}, "blank"),
        ("sms", {"type": 7}, "invalid"),
        ("channel/phone-call", {}, "invalid"),
        ("channel/quick-reply", {}, "invalid"),
        ("first-complaint", {}, "invalid"),
        ("sms", {"messageType": "QUICK_REPLY_REQUEST"}, "invalid"),
    ],
)
def test_what_else_a_reply_is_refused_for(gladly, label, changes, expected):
    content = {"type": "SMS", "body": "Hello"} | changes
    answer = gladly("POST", f"{item(gladly, label)}/reply", json={"content": content})
    assert code(answer) == (400, expected)


def option(number: int, label: str = "Yes") -> dict[str, str]:
    return {"id": f"o{number}", "label": label}


def test_a_chat_reply_can_say_that_it_is_text(gladly):
    content = {"type": "CHAT_MESSAGE", "body": "Yes", "messageType": "TEXT"}
    path = f"{item(gladly, 'channel/chat-message')}/reply"
    assert gladly("POST", path, json={"content": content}).status_code == 201


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([option(1)], 201),
        ([option(n, "x" * 50) for n in range(10)], 201),
        ([option(n) for n in range(11)], 400),
        ([], 400),
        ([option(1), option(1)], 400),
        ([option(1, "x" * 51)], 400),
        ([{"id": "a b", "label": "Yes"}], 400),
        (["yes"], 400),
        ({"id": "a", "label": "Yes"}, 400),
    ],
)
def test_a_quick_reply_offers_one_to_ten_options(gladly, options, status):
    content = {
        "type": "CHAT_MESSAGE",
        "body": "Which?",
        "messageType": "QUICK_REPLY_REQUEST",
        "messageData": {"options": options},
    }
    path = f"{item(gladly, 'channel/chat-message')}/reply"
    assert gladly("POST", path, json={"content": content}).status_code == status


@pytest.mark.parametrize("label", ["card", "email", "verified-call", "channel/voicemail"])
def test_redaction_leaves_the_item_without_what_was_said(gladly, label):
    path = item(gladly, label)
    before = gladly("GET", path).json()
    answer = gladly("POST", f"{path}/redact")
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1{path}")
    after = gladly("GET", path).json()
    assert after["content"]["type"] == before["content"]["type"]
    gone = {"content", "subject", "recordingUrl", "attachments"}
    assert not gone & after["content"].keys()
    assert "summary" not in after["content"].get("recordingSummary", {})
    for more in ("voice-transcript", "media/recording"):
        assert gladly("GET", f"{path}/{more}").status_code == 404


def test_a_note_cannot_be_redacted(gladly):
    assert code(gladly("POST", f"{item(gladly, 'note')}/redact")) == (400, "invalid")
