"""What agents write into conversations in the simulator: notes and replies; and redaction."""

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
