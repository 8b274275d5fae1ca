"""What Gladly's public documentation says of its REST API, held against the simulator."""

import base64
import re

import phonenumbers
import pytest
from gladly_fixtures import Gladly

from sidecar.gladly.simulator import THROTTLED
from sidecar.gladly.simulator_world import World


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


def profile(gladly: Gladly, label: str) -> str:
    return f"/customer-profiles/{gladly.world.id_of(f'customer/{label}')}"


def test_without_the_right_credential_the_answer_is_401():
    assert Gladly(auth=None)("GET", "/organization").status_code == 401
    assert Gladly(auth=("api@sample-store.example", "wrong"))("GET", "/agents").status_code == 401


def test_public_answers_need_no_credential_and_come_by_name():
    gladly = Gladly(auth=None)
    org = gladly.world.organization["id"]
    answers = gladly("GET", f"/orgs/{org}/answers").json()
    assert [a["name"] for a in answers] == sorted(a["name"] for a in answers)
    assert any("international shipping delays" in a["name"].lower() for a in answers)
    one = gladly("GET", f"/orgs/{org}/answers/{answers[0]['id']}").json()
    assert one == answers[0]
    assert gladly("GET", f"/orgs/{org}/answers", params={"lng": "fr-fr"}).json() == []
    assert gladly("GET", "/orgs/elsewhere/answers").status_code == 404
    assert gladly("GET", f"/orgs/{org}/answers/x").json()["errors"]["code"] == "not_exist"


def test_ids_are_sixteen_bytes_in_url_safe_base64_and_the_same_in_every_run():
    world = World.seeded()
    for table in world.tables.values():
        for id_ in table:
            assert re.fullmatch(r"[A-Za-z0-9_-]{22}", id_)
            assert len(base64.urlsafe_b64decode(id_ + "==")) == 16
    assert World.seeded().tables == world.tables
    assert World.seeded("other").id_of("task/qa") != world.id_of("task/qa")


@pytest.mark.parametrize(
    "query",
    [
        {"phoneNumber": "+14155550198"},
        {"email": "Mara.Lindqvist@example.com"},
        {"externalCustomerId": "C-0198"},
    ],
)
def test_a_customer_is_found_by_any_one_key(gladly, query):
    found = gladly("GET", "/customer-profiles", params=query).json()
    assert [c["name"] for c in found] == ["Mara Lindqvist"]


def test_a_search_wants_exactly_one_key_and_finds_nobody_without_an_error(gladly):
    assert gladly("GET", "/customer-profiles").status_code == 400
    both = {"email": "a@example.com", "phoneNumber": "+14155550198"}
    assert gladly("GET", "/customer-profiles", params=both).status_code == 400
    nobody = gladly("GET", "/customer-profiles", params={"email": "nobody@example.com"})
    assert (nobody.status_code, nobody.json()) == (200, [])


def test_a_search_gives_fifty_profiles_newest_first(gladly):
    shared = {"original": "+14155550111", "normalized": "+14155550111", "type": "HOME"}
    for n in range(51):
        day = f"2026-{n // 28 + 1:02d}-{n % 28 + 1:02d}"
        gladly.world.put(
            "customers",
            {"id": f"household-{n}", "emails": [], "phones": [shared], "updatedAt": day},
        )
    found = gladly("GET", "/customer-profiles", params={"phoneNumber": "+14155550111"}).json()
    assert [c["id"] for c in found] == [f"household-{n}" for n in range(50, 0, -1)]


def test_a_merged_profile_is_301_moved_without_a_location(gladly):
    old, new = (gladly.world.id_of(f"customer/{x}") for x in ("before-merge", "merged"))
    answer = gladly("GET", f"/customer-profiles/{old}")
    assert answer.status_code == 301
    assert "location" not in answer.headers
    assert answer.json() == {
        "errors": [
            {
                "attr": "customerId",
                "code": "moved",
                "detail": "customer id has changed",
                "meta": {"old": old, "new": new},
            }
        ]
    }


def test_writing_to_a_merged_profile_is_301_with_a_location(gladly):
    old, new = (gladly.world.id_of(f"customer/{x}") for x in ("before-merge", "merged"))
    item = {"content": {"type": "CUSTOMER_ACTIVITY", "activityType": "ISSUE"}}
    answer = gladly("POST", f"/customers/{old}/conversation-items", json=item)
    assert answer.status_code == 301
    assert answer.headers["location"].endswith(f"/customers/{new}/conversation-items")
    assert answer.json()["errors"][0]["meta"] == {"old": old, "new": new}
    landed = gladly("POST", f"/customers/{new}/conversation-items", json=item)
    assert landed.json()["customerId"] == new


@pytest.mark.parametrize("body", [{}, {"content": {"type": "SMS"}}, {"content": "x"}])
def test_only_an_activity_can_be_put_on_a_timeline(gladly, body):
    customer = gladly.world.id_of("customer/caller")
    answer = gladly("POST", f"/customers/{customer}/conversation-items", json=body)
    assert answer.json()["errors"][0]["code"] == "blank"


def test_a_merged_profile_cannot_be_changed_under_its_old_id(gladly):
    changed = gladly("PATCH", profile(gladly, "before-merge"), json={"name": "X"})
    assert changed.status_code == 404


def test_an_unknown_customer_is_404_with_one_error_object(gladly):
    answer = gladly("GET", "/customer-profiles/nobody")
    assert answer.status_code == 404
    assert answer.json() == {
        "errors": {"code": "not_exist", "detail": "customer profile [nobody] does not exist"}
    }


@pytest.mark.parametrize("label", ["delivery", "waiting"])
def test_deleting_with_an_open_or_waiting_conversation_is_400_with_one_error_object(gladly, label):
    answer = gladly("DELETE", profile(gladly, label))
    assert answer.status_code == 400
    assert answer.json()["errors"]["code"] == "invalid_state"
    assert answer.json()["errors"]["attr"] == "conversation"


def test_deleting_takes_the_conversations_along_and_answers_204(gladly):
    caller = gladly.world.id_of("customer/caller")
    answer = gladly("DELETE", profile(gladly, "caller"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert gladly("GET", profile(gladly, "caller")).status_code == 404
    assert gladly("DELETE", profile(gladly, "caller")).status_code == 404
    assert gladly.world.where("items", customerId=caller) == []


def test_deleting_wants_the_compliance_role(gladly):
    gladly.world.is_compliance_admin = False
    assert gladly("DELETE", profile(gladly, "caller")).status_code == 403


def test_an_update_replaces_lists_whole_and_answers_204(gladly):
    answer = gladly(
        "PATCH", profile(gladly, "caller"), json={"emails": [{"original": "N@x.example"}]}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    after = gladly("GET", profile(gladly, "caller")).json()
    assert after["emails"] == [{"original": "N@x.example", "normalized": "n@x.example"}]
    assert after["name"] == "Tomas Okafor"
    assert after["updatedAt"] == "2026-11-10T12:00:00.000Z"


def test_a_contact_of_somebody_else_is_409_taken(gladly):
    theirs = {"emails": [{"original": "MARA.lindqvist@example.com"}]}
    answer = gladly("PATCH", profile(gladly, "caller"), json=theirs)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "taken"
    assert answer.json()["errors"][0]["meta"]["id"] == gladly.world.id_of("customer/delivery")


@pytest.mark.parametrize("body", [{}, {"unknown": 1}, {"emails": ["x"]}, {"phones": [{}]}])
def test_an_update_without_content_is_400_blank(gladly, body):
    answer = gladly("PATCH", profile(gladly, "caller"), json=body)
    assert answer.status_code == 400
    assert answer.json() == {
        "errors": [{"attr": "content", "code": "blank", "detail": "content cannot be blank"}]
    }


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_json_object_is_400(gladly, content):
    assert gladly("PATCH", profile(gladly, "caller"), content=content).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/customers/x/conversations",
        "/conversations/x/items",
        "/conversation-items/x/voice-transcript",
        "/export/jobs/x/files/customers.jsonl",
    ],
)
def test_where_gladly_declares_no_body_a_404_has_none(gladly, path):
    answer = gladly("GET", path)
    assert (answer.status_code, answer.content) == (404, b"")


def test_conversations_come_oldest_first_and_a_cut_list_says_so(gladly):
    customer = gladly.world.id_of("customer/delivery")
    path = f"/customers/{customer}/conversations"
    whole = gladly("GET", path)
    assert [c["status"] for c in whole.json()] == ["CLOSED", "OPEN"]
    assert "gladly-limited-data" not in whole.headers
    for n in range(99):
        record = {"id": f"c-{n}", "customerId": customer, "createdAt": f"2020-{n:03d}"}
        gladly.world.put("conversations", record)
    cut = gladly("GET", path)
    assert len(cut.json()) == 100
    assert "gladly-limited-data" in cut.headers


def test_items_come_oldest_first_with_the_planted_data(gladly):
    conversation = gladly.world.id_of("conversation/sms")
    items = gladly("GET", f"/conversations/{conversation}/items").json()
    assert [i["timestamp"] for i in items] == sorted(i["timestamp"] for i in items)
    assert "missed item" in items[0]["content"]["content"]
    text = str(items)
    assert "4111 1111 1111 1111" in text
    assert "@example.com" in text
    assert "api_token=" in text
    assert "KIOSK_MESSAGE" in text


def test_planted_telephone_numbers_are_valid_numbers(gladly):
    for customer in gladly.world.where("customers"):
        number = phonenumbers.parse(customer["phones"][0]["normalized"])
        assert phonenumbers.is_valid_number(number)


def test_one_call_has_the_pin_asked_for_and_the_other_has_not(gladly):
    def spoken(label: str) -> str:
        item = gladly.world.id_of(f"item/{label}")
        transcript = gladly("GET", f"/conversation-items/{item}/voice-transcript").json()
        assert "id" not in transcript
        return " ".join(p["transcript"] for p in transcript["paragraphs"])

    assert "PIN is 4827" in spoken("verified-call")
    assert "PIN" not in spoken("unverified-call")


def test_the_directory_answers_agents_inboxes_and_the_organisation(gladly):
    agents = gladly("GET", "/agents").json()
    assert gladly("GET", f"/agents/{agents[0]['id']}").json() == agents[0]
    unknown = gladly("GET", "/agents/x")
    assert (unknown.status_code, unknown.json()["errors"]["code"]) == (404, "not_exist")
    assert {"Escalations", "Billing"} <= {i["name"] for i in gladly("GET", "/inboxes").json()}
    assert gladly("GET", "/organization").json()["id"] == gladly.world.id_of("organization")


def test_deleting_a_running_export_is_400_with_a_bare_list(gladly):
    running, finished = (gladly.world.id_of(f"job/{x}") for x in ("running", "finished"))
    answer = gladly("DELETE", f"/export/jobs/{running}")
    assert answer.status_code == 400
    assert answer.json()[0]["code"] == "temporary_failure"
    assert gladly("DELETE", f"/export/jobs/{finished}").status_code == 204
    assert gladly("DELETE", f"/export/jobs/{finished}").status_code == 404


@pytest.mark.parametrize(
    ("name", "member"), [("customers.jsonl", "emailAddresses"), ("agents.jsonl", "emailAddress")]
)
def test_an_export_file_is_json_lines_with_flat_contacts(gladly, name, member):
    job = gladly.world.id_of("job/finished")
    answer = gladly("GET", f"/export/jobs/{job}/files/{name}")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert all(member in line for line in answer.text.splitlines())
    assert gladly("GET", f"/export/jobs/{job}/files/other.jsonl").status_code == 404


def test_each_method_has_its_own_ten_requests_a_second():
    gladly = Gladly(rate=10)
    left = [gladly("GET", "/agents").headers["ratelimit-remaining-second"] for _ in range(10)]
    assert left == [str(n) for n in range(9, -1, -1)]
    over = gladly("GET", "/agents")
    assert (over.status_code, over.content) == (429, THROTTLED)
    assert over.headers["retry-after"] == "1"
    assert over.headers["ratelimit-limit-second"] == "10"
    assert over.headers["ratelimit-remaining-second"] == "0"
    assert gladly("DELETE", "/export/jobs/x").status_code == 404
    gladly.clock.advance(0.1)
    assert gladly("GET", "/agents").status_code == 200
    assert gladly("GET", "/agents").status_code == 429
    gladly.clock.advance(60)
    assert gladly("GET", "/agents").headers["ratelimit-remaining-second"] == "9"


def test_retry_after_can_be_left_out_as_gladly_documents_none():
    gladly = Gladly(rate=1, has_retry_after=False)
    gladly("GET", "/agents")
    assert "retry-after" not in gladly("GET", "/agents").headers


def test_the_world_remembers_raw_paths_and_forgets_on_reset(gladly):
    gladly("GET", "/agents/%2e%2e%2finboxes")
    assert gladly.world.requests == [("GET", "/api/v1/agents/%2e%2e%2finboxes")]
    gladly("PATCH", profile(gladly, "caller"), json={"name": "X"})
    first = World.seeded().tables
    assert gladly.world.tables != first
    gladly.world.reset()
    assert gladly.world.tables == first
    assert gladly.world.requests == []
