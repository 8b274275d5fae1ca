"""The items of conversations in the simulator: timelines, activities, recordings, attachments."""

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
