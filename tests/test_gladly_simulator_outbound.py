"""What leaves Gladly for customers or others, in the simulator: messages, tokens, webhooks."""

import base64
import json

import pytest
from gladly_asks import EMAIL, RECIPIENTS, SMS, WEBHOOK
from gladly_fixtures import Gladly


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


# ---- messages


@pytest.mark.parametrize(("path", "body"), [("sms", SMS), ("email", EMAIL)])
def test_a_message_lands_in_the_open_conversation_of_whoever_has_the_contact(gladly, path, body):
    sent = gladly("POST", f"/communications/{path}", json=body).json()
    assert sent["customerId"] == gladly.id_of("customer/delivery")
    item = gladly("GET", f"/conversation-items/{sent['conversationItemId']}").json()
    assert item["content"]["type"] == path.upper()
    assert item["content"]["content"] == "On its way"
    conversation = gladly("GET", f"/conversations/{item['conversationId']}").json()
    assert (conversation["customerId"], conversation["status"]) == (sent["customerId"], "OPEN")


def test_a_message_to_somebody_new_makes_a_profile_and_a_conversation(gladly):
    body = SMS | {"customer": {"mobileNumber": "(415) 555-0123"}}
    first, second = (gladly("POST", "/communications/sms", json=body).json() for _ in range(2))
    assert first["customerId"] == second["customerId"]
    (made,) = gladly("GET", f"/customers/{first['customerId']}/conversations").json()
    assert made["status"] == "OPEN"
    assert len(gladly("GET", f"/conversations/{made['id']}/items").json()) == 2


@pytest.mark.parametrize(
    ("changes", "attr", "expected"),
    [
        ({"customer": {"mobilePhone": "+14155550198"}}, "content", "blank"),
        ({"customer": {"mobileNumber": "none"}}, "customer.mobileNumber", "invalid"),
        ({"from": "shop"}, "from", "invalid"),
        ({"from": None}, "content", "blank"),
        ({"body": " "}, "body", "blank"),
    ],
)
def test_an_sms_needs_two_numbers_and_a_text(gladly, changes, attr, expected):
    answer = gladly("POST", "/communications/sms", json=SMS | changes)
    assert code(answer) == (400, expected)
    assert answer.json()["errors"][0]["attr"] == attr


@pytest.mark.parametrize(
    ("changes", "attr", "expected"),
    [
        ({"to": []}, "content", "blank"),
        ({"to": EMAIL["to"] * 2}, "content", "blank"),
        ({"to": [{"email": "nobody"}]}, "to.email", "invalid"),
        ({"from": "help"}, "from", "invalid"),
        ({"subject": ""}, "subject", "blank"),
        ({"subject": "x" * 1000}, "subject", "too_long"),
        ({"body": {}}, "body", "blank"),
        ({"body": "On its way"}, "body", "blank"),
    ],
)
def test_an_email_needs_one_recipient_a_subject_and_a_text(gladly, changes, attr, expected):
    answer = gladly("POST", "/communications/email", json=EMAIL | changes)
    assert code(answer) == (400, expected)
    assert answer.json()["errors"][0]["attr"] == attr


# ---- tokens


@pytest.mark.parametrize(
    ("kind", "identity", "read"),
    [
        ("EMAIL", "Mara@Example.com", "mara@example.com"),
        ("MOBILE_PHONE_NUMBER", "415 555 0198", "+14155550198"),
    ],
)
def test_an_identity_token_looks_like_one_and_is_not_signed(gladly, kind, identity, read):
    body = {"identityType": kind, "identity": identity}
    token = gladly("POST", "/user-identity-jwt", json=body).json()["token"]
    head, claims, _ = token.split(".")
    read_claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "none"
    assert (read_claims["identity"], read_claims["iat"]) == (read, 1794312000)


@pytest.mark.parametrize(
    ("kind", "identity"), [("EMAIL", "+14155550198"), ("NAME", "Mara"), (7, "a@example.com")]
)
def test_an_identity_is_an_address_or_a_number(gladly, kind, identity):
    body = {"identityType": kind, "identity": identity}
    assert code(gladly("POST", "/user-identity-jwt", json=body)) == (400, "invalid")


# ---- campaigns


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, "blank"),
        ({"recipients": []}, "blank"),
        ({"recipients": [{"customerName": "Mara", "timezone": "UTC"}]}, "invalid"),
        ({"recipients": ["mara@example.com"]}, "invalid"),
        ({"startAfter": "soon"}, "invalid"),
        ({"endBefore": "later"}, "invalid"),
    ],
)
def test_a_collection_needs_a_name_a_start_and_recipients(gladly, changes, expected):
    path = f"/campaigns/{gladly.id_of('campaign/spring')}/recipient-collections"
    assert code(gladly("POST", path, json=RECIPIENTS | changes)) == (400, expected)


def test_a_collection_is_answered_without_its_recipients(gladly):
    path = f"/campaigns/{gladly.id_of('campaign/spring')}/recipient-collections"
    scheduled = gladly("POST", path, json=RECIPIENTS)
    assert "mara" not in scheduled.text
    assert (scheduled.json()["type"], scheduled.json()["status"]) == ("EMAIL", "SCHEDULED")
    numbers = [{"customerName": "Mara", "phoneNumber": "415 555 0198", "timezone": "UTC"}]
    now = {"startAfter": "2026-11-10T11:00:00Z", "recipients": numbers}
    active = gladly("POST", path, json=RECIPIENTS | now).json()
    assert (active["type"], active["status"]) == ("SMS", "ACTIVE")


# ---- webhooks


def test_a_webhook_is_disabled_until_it_is_enabled_and_only_then_cannot_be_deleted(gladly):
    body = WEBHOOK | {
        "id": "mine",
        "credentials": {"username": "u", "password": "p"},
        "headers": {"X-Key": "k"},
    }
    assert gladly("POST", "/webhooks", json=body).headers["location"] == "/api/v1/webhooks/mine"
    again = gladly("POST", "/webhooks", json=body | {"url": "https://other.example"})
    assert code(again) == (400, "taken")
    made = gladly("GET", "/webhooks/mine").json()
    assert (made["enabled"], made["hasCredentials"], made["headerKeys"]) == (False, True, ["X-Key"])
    assert gladly("PATCH", "/webhooks/mine", json={"enabled": True}).status_code == 204
    refused = gladly("DELETE", "/webhooks/mine")
    assert (refused.status_code, refused.content) == (400, b"")
    assert gladly("PATCH", "/webhooks/mine", json={"enabled": False}).status_code == 204
    assert gladly("DELETE", "/webhooks/mine").status_code == 204


def test_an_organisation_has_at_most_twenty_webhooks(gladly):
    for n in range(3, 22):
        url = f"https://hooks.example.com/{n}"
        status = gladly("POST", "/webhooks", json=WEBHOOK | {"url": url}).status_code
        assert status == (201 if n <= 20 else 400)
    assert len(gladly("GET", "/webhooks").json()) == 20


DEAF = {"url": "https://nobody.invalid/hook"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": "http://a.example"}, "invalid"),
        ({"url": "https://[a"}, "invalid"),
        ({"url": 7}, "invalid"),
        ({"url": "https://enabled.hooks.sample-store.example/gladly"}, "taken"),
        ({"events": "CONVERSATION/CLOSED"}, "blank"),
        ({"events": ["closed"]}, "invalid"),
        ({"name": "x" * 201}, "too_long"),
        ({"enabled": "yes"}, "invalid"),
        ({"credentials": {"username": "u"}}, "blank"),
        ({"headers": ["X-Key"]}, "invalid"),
        (DEAF | {"enabled": True}, "invalid"),
    ],
)
def test_a_webhook_goes_to_one_https_url_that_answers(gladly, changes, expected):
    body = WEBHOOK | changes
    assert code(gladly("POST", "/webhooks", json=body)) == (400, expected)
    path = f"/webhooks/{gladly.id_of('webhook/disabled')}"
    refused = gladly("PATCH", path, json=changes)
    assert (refused.status_code, refused.content) == (400, b"")


def test_a_webhook_that_is_deaf_can_wait_but_not_be_enabled(gladly):
    path = f"/webhooks/{gladly.id_of('webhook/disabled')}"
    assert gladly("PATCH", path, json=DEAF).status_code == 204
    assert gladly("PATCH", path, json={"enabled": True}).status_code == 400
    enabled = f"/webhooks/{gladly.id_of('webhook/enabled')}"
    assert gladly("PATCH", enabled, json=DEAF | {"url": "https://x.invalid"}).status_code == 400
