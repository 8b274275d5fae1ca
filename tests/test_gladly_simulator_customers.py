"""Gladly's customer profiles in the simulator: search, merging, uniqueness, deletion, contacts."""

import phonenumbers
import pytest
from gladly_fixtures import Gladly
from hypothesis import given
from hypothesis import strategies as st

from sidecar.gladly.simulator import contacts


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


def profile(gladly: Gladly, label: str) -> str:
    return f"/customer-profiles/{gladly.id_of(f'customer/{label}')}"


@pytest.mark.parametrize(
    "query",
    [
        {"phoneNumber": "+14155550198"},
        {"email": "Mara.Lindqvist@example.com"},
        {"externalCustomerId": "C-0198"},
        {"externalCustomerId": "legacy-0198"},
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


def test_a_search_gives_fifty_profiles_newest_first_and_does_not_say_that_it_cut(gladly):
    answer = gladly("GET", "/customer-profiles", params={"phoneNumber": "+14155550188"})
    crowd = [gladly.id_of(f"customer/crowd/{n}") for n in range(1, 52)]
    assert len(answer.json()) == 50
    assert {c["id"] for c in answer.json()} < set(crowd)
    changed = [c["updatedAt"] for c in answer.json()]
    assert changed == sorted(changed, reverse=True)
    oldest = min(
        gladly.world.where("customers"), key=lambda c: (c["id"] not in crowd, c["updatedAt"])
    )
    assert oldest not in answer.json()
    assert "Gladly-Limited-Data" not in answer.headers


# ---- create


def test_a_new_profile_is_201_with_a_location_and_no_body(gladly):
    body = {
        "name": "Ona Reyes",
        "address": "12 Quay",
        "emails": [{"original": "Ona@Example.com", "primary": True}],
        "phones": [{"original": "(415) 555-0121", "type": "MOBILE", "extension": "7"}],
        "customAttributes": {"tier": "gold"},
        "createdAt": "1999-01-01T00:00:00Z",
    }
    answer = gladly("POST", "/customer-profiles", json=body)
    assert (answer.status_code, answer.content) == (201, b"")
    made = gladly("GET", answer.headers["location"].removeprefix("/api/v1")).json()
    assert made["emails"][0]["normalized"] == "ona@example.com"
    assert made["phones"][0]["normalized"] == "+14155550121"
    assert made["phones"][0]["extension"] == "7"
    assert made["createdAt"] == made["updatedAt"] == "2026-11-10T12:00:00.000Z"
    found = gladly("GET", "/customer-profiles", params={"phoneNumber": "+14155550121"}).json()
    assert found == [made]


def test_a_chosen_id_is_kept_and_a_taken_or_merged_one_is_409(gladly):
    made = gladly("POST", "/customer-profiles", json={"id": "mine_1", "name": "X"})
    assert made.headers["location"] == "/api/v1/customer-profiles/mine_1"
    for id_ in ("mine_1", gladly.id_of("customer/before-merge")):
        again = gladly("POST", "/customer-profiles", json={"id": id_, "name": "X"})
        assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "taken")


@pytest.mark.parametrize("id_", ["", "a/b", "ü", "x" * 51, 7, None])
def test_a_chosen_id_has_to_be_url_safe_and_short(gladly, id_):
    answer = gladly("POST", "/customer-profiles", json={"id": id_, "name": "X"})
    assert answer.status_code == (201 if id_ is None else 400)


@pytest.mark.parametrize(
    ("contact", "status"),
    [
        ({"emails": [{"original": "MARA.lindqvist@example.com"}]}, 409),
        ({"phones": [{"original": "415-555-0198", "type": "MOBILE"}]}, 409),
        ({"phones": [{"original": "415-555-0198", "type": "HOME"}]}, 201),
        ({"phones": [{"original": "415-555-0198"}]}, 201),
        ({"phones": [{"original": "415-555-0188", "type": "OFFICE"}]}, 201),
    ],
)
def test_emails_and_mobile_numbers_belong_to_one_profile_and_other_numbers_do_not(
    gladly, contact, status
):
    answer = gladly("POST", "/customer-profiles", json=contact)
    assert answer.status_code == status
    if status == 409:
        (error,) = answer.json()["errors"]
        assert (error["attr"], error["code"]) == (next(iter(contact)), "taken")
        assert error["meta"] == {"id": gladly.id_of("customer/delivery")}


@pytest.mark.parametrize(
    "fields",
    [
        {"emails": [{"original": "not an address"}]},
        {"phones": [{"original": "twelve"}]},
        {"phones": [{"original": "415-555-0121", "type": "FAX"}]},
        {"phones": [{"original": "415-555-0121", "smsPreference": "MAYBE"}]},
        {"phones": "415-555-0121"},
        {"emails": [{"original": f"{n}@example.com", "primary": True} for n in "ab"]},
        {"customAttributes": "gold"},
        {"name": ["Ona"]},
        {"image": 7},
    ],
)
def test_a_profile_has_to_be_well_formed(gladly, fields):
    assert gladly("POST", "/customer-profiles", json=fields).status_code == 400


# ---- merged


def test_a_merged_profile_is_301_moved_without_a_location(gladly):
    old, new = (gladly.id_of(f"customer/{x}") for x in ("before-merge", "merged"))
    answer = gladly("GET", f"/customer-profiles/{old}")
    assert answer.status_code == 301
    assert "location" not in answer.headers
    assert answer.json()["errors"][0]["meta"] == {"old": old, "new": new}
    assert gladly("GET", f"/customer-profiles/{new}").json()["id"] == new


def test_a_merged_profile_cannot_be_changed_under_its_old_id_and_the_new_one_is_named(gladly):
    changed = gladly("PATCH", profile(gladly, "before-merge"), json={"name": "X"})
    assert changed.status_code == 404
    assert changed.json()["errors"][0]["meta"]["new"] == gladly.id_of("customer/merged")


@pytest.mark.parametrize("kind", ["conversations", "tasks"])
def test_what_hangs_on_a_merged_profile_has_moved_too(gladly, kind):
    old = gladly.id_of("customer/before-merge")
    answer = gladly("GET", f"/customers/{old}/{kind}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (301, "moved")
    assert "location" not in answer.headers


# ---- update


def test_an_update_replaces_lists_whole_and_answers_204(gladly):
    answer = gladly(
        "PATCH", profile(gladly, "caller"), json={"emails": [{"original": "N@x.example"}]}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    after = gladly("GET", profile(gladly, "caller")).json()
    assert after["emails"] == [{"original": "N@x.example", "normalized": "n@x.example"}]
    assert after["name"] == "Tomas Okafor"
    assert after["updatedAt"] == "2026-11-10T12:00:00.000Z"


def test_a_contact_of_somebody_else_cannot_be_taken_over(gladly):
    theirs = {"emails": [{"original": "MARA.lindqvist@example.com"}]}
    answer = gladly("PATCH", profile(gladly, "caller"), json=theirs)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "taken")
    assert answer.json()["errors"][0]["meta"]["id"] == gladly.id_of("customer/delivery")
    ours = {"emails": [{"original": "Tomas.Okafor@example.com"}]}
    assert gladly("PATCH", profile(gladly, "caller"), json=ours).status_code == 204


@pytest.mark.parametrize("body", [{}, {"unknown": 1}, {"emails": ["x"]}, {"phones": [{}]}])
def test_an_update_without_content_is_400_blank(gladly, body):
    answer = gladly("PATCH", profile(gladly, "caller"), json=body)
    assert answer.status_code == 400
    assert answer.json() == {
        "errors": [{"attr": "content", "code": "blank", "detail": "content cannot be blank"}]
    }


def test_what_the_server_keeps_cannot_be_written(gladly):
    before = gladly("GET", profile(gladly, "caller")).json()
    change = {"name": "T", "id": "x", "externalCustomerIds": {"store": "x"}, "createdAt": "x"}
    assert gladly("PATCH", profile(gladly, "caller"), json=change).status_code == 204
    after = gladly("GET", profile(gladly, "caller")).json()
    assert after == before | {"name": "T", "updatedAt": after["updatedAt"]}


# ---- delete


def test_deleting_takes_everything_along_and_answers_204(gladly):
    caller = gladly.id_of("customer/caller")
    answer = gladly("DELETE", profile(gladly, "caller"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert gladly("GET", profile(gladly, "caller")).status_code == 404
    assert gladly("DELETE", profile(gladly, "caller")).status_code == 404
    for table in ("conversations", "items", "tasks", "transcripts"):
        assert gladly.world.where(table, customerId=caller) == []
    assert gladly.world.where("comments", taskId=gladly.id_of("task/qa")) == []


@pytest.mark.parametrize("label", ["delivery", "waiting", "busy"])
def test_deleting_with_an_open_or_waiting_conversation_is_refused(gladly, label):
    assert gladly("DELETE", profile(gladly, label)).status_code == 400
    assert gladly("GET", profile(gladly, label)).status_code == 200


def test_deleting_wants_the_compliance_role(gladly):
    gladly.world.is_compliance_admin = False
    answer = gladly("DELETE", profile(gladly, "caller"))
    assert (answer.status_code, answer.content) == (403, b"")


# ---- contacts


@pytest.mark.parametrize(
    ("written", "region", "read"),
    [
        ("+14155550198", None, "+14155550198"),
        ("(415) 555-0198", None, "+14155550198"),
        ("030 23125000", "DE", "+493023125000"),
        ("415-555-0198", 7, "+14155550198"),
        ("call me", None, None),
        ("", None, None),
        (14155550198, None, None),
    ],
)
def test_a_number_is_read_as_one_of_the_region(written, region, read):
    assert contacts.number(written, region) == read


@given(st.text() | st.integers() | st.none(), st.text(max_size=3) | st.none())
def test_no_number_and_no_address_makes_the_reader_raise(value, region):
    read = contacts.number(value, region)
    assert read is None or phonenumbers.is_possible_number(phonenumbers.parse(read))
    address = contacts.email(value)
    assert address is None or address.count("@") == 1


@given(st.emails())
def test_an_address_is_read_in_lower_case(address):
    assert contacts.email(address) in (address.lower(), None)
    if len(address) < 64:
        assert contacts.email(address) == address.lower()
