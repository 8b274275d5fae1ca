"""Gladly's tasks and comments in the simulator: what is required, limited, locked and answered."""

import httpx2
import pytest
from gladly_fixtures import Gladly

DUE = "2026-12-24T12:00:00Z"


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


def new_task(gladly: Gladly, customer: str = "delivery", **changes: object) -> httpx2.Response:
    body = {
        "body": "Item X-200 is missing again",
        "dueAt": DUE,
        "assignee": {"inboxId": gladly.id_of("inbox/escalations")},
    } | changes
    json = {key: value for key, value in body.items() if value is not None}
    return gladly("POST", f"/customers/{gladly.id_of(f'customer/{customer}')}/tasks", json=json)


def test_a_new_task_is_201_with_a_location_and_no_body(gladly):
    answer = new_task(gladly)
    assert (answer.status_code, answer.content) == (201, b"")
    path = answer.headers["location"].removeprefix("/api/v1")
    task = gladly("GET", path).json()
    assert (task["status"], task["body"]) == ("OPEN", "Item X-200 is missing again")
    customer = gladly.id_of("customer/delivery")
    assert gladly("GET", f"/customers/{customer}/tasks").json() == [task]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": None}, "blank"),
        ({"body": " "}, "blank"),
        ({"body": "x" * 10_001}, "too_long"),
        ({"dueAt": None}, "invalid"),
        ({"dueAt": "tomorrow"}, "invalid"),
        ({"dueAt": "2026-11-10T12:00:00Z"}, "invalid"),
        ({"dueAt": "2026-11-10T11:59:59"}, "invalid"),
        ({"assignee": None}, "blank"),
        ({"assignee": {"agentId": "x"}}, "blank"),
        ({"assignee": {"inboxId": "nowhere"}}, "not_exist"),
    ],
)
def test_a_task_needs_a_body_a_time_to_come_and_an_inbox(gladly, changes, code):
    answer = new_task(gladly, **changes)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == code


def test_a_body_of_exactly_ten_thousand_characters_is_accepted(gladly):
    assert new_task(gladly, body="x" * 10_000).status_code == 201


def test_only_an_agent_of_the_inbox_can_be_assigned(gladly):
    inbox = gladly.id_of("inbox/escalations")
    outsider = {"inboxId": inbox, "agentId": gladly.id_of("agent/billing")}
    answer = new_task(gladly, assignee=outsider)
    assert answer.json()["errors"][0]["code"] == "invalid_state"
    member = {"inboxId": inbox, "agentId": gladly.id_of("agent/qa")}
    assert new_task(gladly, assignee=member).status_code == 201


def test_a_task_id_that_exists_is_409_and_an_unknown_customer_404(gladly):
    assert new_task(gladly, id="mine").status_code == 201
    again = new_task(gladly, id="mine")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "taken")
    unknown = new_task(gladly, "nobody")
    assert unknown.status_code == 404
    assert unknown.json()["errors"][0] == {"code": "not_exist", "detail": "entity does not exist"}


def test_tasks_can_be_listed_by_status(gladly):
    path = f"/customers/{gladly.id_of('customer/caller')}/tasks"
    statuses = {t["status"] for t in gladly("GET", path).json()}
    assert statuses == {"OPEN", "CLOSED"}
    only = gladly("GET", path, params={"status": "OPEN"}).json()
    assert [t["id"] for t in only] == [gladly.id_of("task/qa")]
    assert gladly("GET", path, params={"status": ""}).status_code == 400
    assert gladly("GET", "/customers/nobody/tasks").status_code == 404


def test_two_thousand_tasks_are_listed_newest_first_and_the_cut_is_told(gladly):
    answer = gladly("GET", f"/customers/{gladly.id_of('customer/busy')}/tasks")
    newest = [gladly.id_of(f"task/busy/{n}") for n in range(2001, 1, -1)]
    assert [t["id"] for t in answer.json()] == newest
    assert "gladly-limited-data" in answer.headers


# ---- for a contact


@pytest.mark.parametrize("times", [1, 2])
def test_a_task_for_a_contact_without_a_profile_makes_one_once(gladly, times):
    body = {
        "body": "Call",
        "dueAt": DUE,
        "assignee": {"inboxId": gladly.id_of("inbox/billing")},
        "customer": {"emailAddress": "new@example.com"},
    }
    for _ in range(times):
        assert gladly("POST", "/tasks", json=body).status_code == 201
    (found,) = gladly("GET", "/customer-profiles", params={"email": "new@example.com"}).json()
    assert len(gladly.world.where("tasks", customerId=found["id"])) == times
    del body["customer"]
    assert gladly("POST", "/tasks", json=body).json()["errors"][0]["code"] == "blank"


# ---- update


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": ""}, "blank"),
        ({"body": 7}, "blank"),
        ({"body": "x" * 10_001}, "too_long"),
        ({"dueAt": "2020-01-01T00:00:00Z"}, "invalid"),
        ({"assignee": {"inboxId": "x"}}, "not_exist"),
        ({"status": "WAITING"}, "invalid"),
        ({"title": "x"}, "blank"),
        ({}, "blank"),
    ],
)
def test_an_update_is_held_to_what_a_new_task_is_held_to(gladly, changes, code):
    answer = gladly("PATCH", f"/tasks/{gladly.id_of('task/qa')}", json=changes)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_an_update_leaves_the_rest_as_it_was(gladly):
    path = f"/tasks/{gladly.id_of('task/qa')}"
    before = gladly("GET", path).json()
    assert gladly("PATCH", path, json={"dueAt": DUE, "status": "CLOSED"}).status_code == 204
    assert gladly("GET", path).json() == before | {"dueAt": DUE, "status": "CLOSED"}
    assert gladly("PATCH", path, json={"status": "OPEN"}).status_code == 204


# ---- comments


@pytest.mark.parametrize("key", ["comment", "message"])
def test_a_comment_lands_on_an_open_task_under_either_documented_name(gladly, key):
    comment = {key: "No PIN was asked for", "agentId": gladly.id_of("agent/qa")}
    path = f"/tasks/{gladly.id_of('task/qa')}/comments"
    answer = gladly("POST", path, json=comment)
    assert (answer.status_code, answer.content) == (201, b"")
    made = gladly("GET", answer.headers["location"].removeprefix("/api/v1")).json()
    assert made["comment"] == "No PIN was asked for"
    assert gladly("GET", path).json()[-1] == made


def test_a_closed_task_takes_no_comment_until_it_is_open_again(gladly):
    comment = {"comment": "Done", "agentId": gladly.id_of("agent/qa")}
    task = f"/tasks/{gladly.id_of('task/done')}"
    refused = gladly("POST", f"{task}/comments", json=comment)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "invalid_state")
    gladly("PATCH", task, json={"status": "OPEN"})
    assert gladly("POST", f"{task}/comments", json=comment).status_code == 201


def test_a_comment_id_is_chosen_once(gladly):
    body = {"id": "mine", "comment": "Done", "agentId": gladly.id_of("agent/qa")}
    path = f"/tasks/{gladly.id_of('task/qa')}/comments"
    assert gladly("POST", path, json=body).headers["location"].endswith("/comments/mine")
    assert gladly("POST", path, json=body).status_code == 409
    assert gladly("POST", path, json=body | {"id": "a/b"}).status_code == 400


def test_a_thousand_comments_are_listed_oldest_first_and_the_cut_is_told(gladly):
    answer = gladly("GET", f"/tasks/{gladly.id_of('task/commented')}/comments")
    oldest = [gladly.id_of(f"comment/{n}") for n in range(1, 1001)]
    assert [c["id"] for c in answer.json()] == oldest
    assert "gladly-limited-data" in answer.headers


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"comment": ""}, "blank"),
        ({"agentId": ""}, "blank"),
        ({"comment": "x" * 10_001}, "too_long"),
        ({"agentId": "nobody"}, "not_exist"),
    ],
)
def test_a_comment_needs_a_text_and_a_known_agent(gladly, changes, code):
    body = {"comment": "x", "agentId": gladly.id_of("agent/qa")} | changes
    answer = gladly("POST", f"/tasks/{gladly.id_of('task/qa')}/comments", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_comments_of_an_unknown_task_are_404(gladly):
    assert gladly("GET", "/tasks/x/comments").status_code == 404
    assert gladly("POST", "/tasks/x/comments", json={}).status_code == 404
    assert gladly("GET", "/tasks/x").status_code == 404


def test_a_task_for_a_merged_customer_is_301_with_a_location(gladly):
    new = gladly.id_of("customer/merged")
    answer = new_task(gladly, "before-merge")
    assert answer.status_code == 301
    assert answer.headers["location"].endswith(f"/customers/{new}/tasks")
    assert gladly.world.where("tasks", customerId=new) == []
