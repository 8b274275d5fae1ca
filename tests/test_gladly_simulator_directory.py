"""Gladly's organisation in the simulator: agents, recorders, inboxes, teams, topics, hours."""

import pytest
from gladly_fixtures import Gladly

HOURS = {"name": "Summer", "officeHours": {"timezone": "Europe/Berlin"}}


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_every_record_of_a_list_can_be_read_by_its_id(gladly):
    for path in ("/agents", "/inboxes", "/teams", "/topics", "/business-hours"):
        rows = gladly("GET", path).json()
        assert len(rows) > 1
        for row in rows:
            assert gladly("GET", f"{path}/{row['id']}").json() == row


@pytest.mark.parametrize("path", ["/inboxes/x", "/teams/x"])
def test_where_gladly_documents_no_error_a_404_has_no_body(gladly, path):
    answer = gladly("GET", path)
    assert (answer.status_code, answer.content) == (404, b"")


def test_an_unknown_agent_is_404_with_one_error_object(gladly):
    answer = gladly("GET", "/agents/x")
    assert (answer.status_code, answer.json()["errors"]["code"]) == (404, "not_exist")


def test_the_members_of_an_inbox_are_agents(gladly):
    for inbox, agents in gladly.world.members.items():
        assert gladly.world.get("inboxes", inbox)
        assert all(gladly.world.get("agents", agent) for agent in agents)


# ---- call recorder


def test_recording_is_switched_during_a_call_and_agents_are_known_by_address_too(gladly):
    path = "/agents/Rui.Tanaka@sample-store.example/call-recorder"
    before = gladly("GET", path).json()
    assert (before["agentId"], before["recording"]) == (gladly.id_of("agent/front"), True)
    assert gladly("GET", f"/conversation-items/{before['conversationItemId']}").status_code == 200
    assert gladly("PATCH", path, json={"recording": False}).status_code == 204
    assert gladly("GET", path).json() == before | {"recording": False}


def test_without_a_call_switching_has_no_effect_and_nothing_says_whose_call(gladly):
    path = f"/agents/{gladly.id_of('agent/qa')}/call-recorder"
    assert gladly("PATCH", path, json={"recording": True}).status_code == 204
    idle = {"agentId": gladly.id_of("agent/qa"), "recording": False}
    assert gladly("GET", path).json() == idle
    assert code(gladly("PATCH", path, json={"recording": "off"})) == (400, "blank")


# ---- topics


def test_a_topic_is_made_below_another_and_can_be_retired(gladly):
    body = {"id": "sizes", "name": "Sizes", "parentId": gladly.id_of("topic/returns")}
    answer = gladly("POST", "/topics", json=body)
    assert answer.headers["location"] == "/api/v1/topics/sizes"
    assert gladly("GET", "/topics/sizes").json() == body | {"disabled": False}
    change = {"name": "Sizes", "disabled": True}
    assert gladly("PATCH", "/topics/sizes", json=change).status_code == 204
    assert gladly("GET", "/topics/sizes").json() == body | change


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "Sizes", "parentId": "x"}, "not_exist"),
        ({"name": "Sizes", "disabled": "no"}, "invalid"),
        ({"name": 7}, "invalid"),
    ],
)
def test_what_else_a_topic_is_refused_for(gladly, body, expected):
    assert code(gladly("POST", "/topics", json=body)) == (400, expected)


# ---- business hours


def test_a_set_of_hours_is_changed_under_its_version(gladly):
    path = f"/business-hours/{gladly.id_of('business-hours/holidays')}"
    changed = gladly("PUT", path, json=HOURS | {"version": 1}).json()
    assert (changed["version"], changed["name"]) == (2, "Summer")
    assert code(gladly("PUT", path, json=HOURS | {"version": 1})) == (409, "version_outdated")
    assert gladly("GET", path).json() == changed
    assert gladly("PUT", path, json=HOURS | {"version": True}).status_code == 400


def test_there_is_one_primary_set_and_it_cannot_be_deleted(gladly):
    made = gladly("POST", "/business-hours", json=HOURS | {"primary": True}).json()
    primary = [h["id"] for h in gladly("GET", "/business-hours").json() if h["primary"]]
    assert primary == [made["id"]]
    assert code(gladly("DELETE", f"/business-hours/{made['id']}")) == (400, "invalid")
    old = f"/business-hours/{gladly.id_of('business-hours/main')}"
    assert gladly("DELETE", old).status_code == 204
    assert gladly("GET", old).status_code == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"officeHours": {"timezone": "UTC"}}, "blank"),
        ({"name": "x" * 201, "officeHours": {"timezone": "UTC"}}, "too_long"),
        ({"name": "Summer"}, "blank"),
        ({"name": "Summer", "officeHours": {"timezone": "Mars/Base"}}, "invalid"),
        (HOURS | {"primary": "yes"}, "invalid"),
    ],
)
def test_what_hours_are_refused_for(gladly, body, expected):
    assert code(gladly("POST", "/business-hours", json=body)) == (400, expected)
