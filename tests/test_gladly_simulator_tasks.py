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
        "assignee": {"inboxId": gladly.world.id_of("inbox/escalations")},
    } | changes
    json = {key: value for key, value in body.items() if value is not None}
    return gladly(
        "POST", f"/customers/{gladly.world.id_of(f'customer/{customer}')}/tasks", json=json
    )


def test_a_new_task_is_201_with_a_location_and_no_body(gladly):
    answer = new_task(gladly)
    assert (answer.status_code, answer.content) == (201, b"")
    path = answer.headers["location"].removeprefix("/api/v1")
    task = gladly("GET", path).json()
    assert (task["status"], task["body"]) == ("OPEN", "Item X-200 is missing again")
    customer = gladly.world.id_of("customer/delivery")
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
    inbox = gladly.world.id_of("inbox/escalations")
    outsider = {"inboxId": inbox, "agentId": gladly.world.id_of("agent/billing")}
    answer = new_task(gladly, assignee=outsider)
    assert answer.json()["errors"][0]["code"] == "invalid_state"
    member = {"inboxId": inbox, "agentId": gladly.world.id_of("agent/qa")}
    assert new_task(gladly, assignee=member).status_code == 201


def test_a_task_id_that_exists_is_409_and_an_unknown_customer_404(gladly):
    assert new_task(gladly, id="mine").status_code == 201
    again = new_task(gladly, id="mine")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "taken")
    unknown = new_task(gladly, "nobody")
    assert unknown.status_code == 404
    assert unknown.json()["errors"][0] == {"code": "not_exist", "detail": "entity does not exist"}


def test_tasks_can_be_listed_by_status(gladly):
    path = f"/customers/{gladly.world.id_of('customer/caller')}/tasks"
    statuses = {t["status"] for t in gladly("GET", path).json()}
    assert statuses == {"OPEN", "CLOSED"}
    only = gladly("GET", path, params={"status": "OPEN"}).json()
    assert [t["id"] for t in only] == [gladly.world.id_of("task/qa")]
    assert gladly("GET", "/customers/nobody/tasks").status_code == 404


def test_a_comment_lands_on_an_open_task_and_not_on_a_closed_one(gladly):
    comment = {"comment": "No PIN was asked for", "agentId": gladly.world.id_of("agent/qa")}
    path = f"/tasks/{gladly.world.id_of('task/qa')}/comments"
    answer = gladly("POST", path, json=comment)
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["location"].startswith(f"/api/v1{path}/")
    assert [c["comment"] for c in gladly("GET", path).json()] == ["No PIN was asked for"]
    closed = f"/tasks/{gladly.world.id_of('task/done')}/comments"
    refused = gladly("POST", closed, json=comment)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "invalid_state")


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
    body = {"comment": "x", "agentId": gladly.world.id_of("agent/qa")} | changes
    answer = gladly("POST", f"/tasks/{gladly.world.id_of('task/qa')}/comments", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_comments_of_an_unknown_task_are_404(gladly):
    assert gladly("GET", "/tasks/x/comments").status_code == 404
    assert gladly("POST", "/tasks/x/comments", json={}).status_code == 404
    assert gladly("GET", "/tasks/x").status_code == 404


def test_a_task_for_a_merged_customer_is_301_with_a_location(gladly):
    new = gladly.world.id_of("customer/merged")
    answer = new_task(gladly, "before-merge")
    assert answer.status_code == 301
    assert answer.headers["location"].endswith(f"/customers/{new}/tasks")
    assert gladly.world.where("tasks", customerId=new) == []
