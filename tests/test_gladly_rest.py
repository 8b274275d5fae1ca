"""From arguments to one REST request: nothing an agent sends decides where it goes."""

import re

import pytest
from gladly_fixtures import catalog
from hypothesis import given
from hypothesis import strategies as st

from sidecar.gladly.rest import BadArgumentsError, build, check, needs_organization, route

ROWS = {row.tool.name: row for row in catalog().rows}
HOSTILE = (
    "",
    ".",
    "..",
    "../agents",
    "%2e%2e",
    "%2e%2e%2fagents",
    "a/b",
    "/agents",
    "a\\b",
    "a?status=OPEN",
    "a#b",
    "a;b",
    "a b",
    "a\n",
    "a\x00",
    "ａ",
    "http://elsewhere.example",
    "x" * 101,
)
IN_PATH = [
    (name, brace)
    for name, row in ROWS.items()
    for brace in re.findall(r"{(\w+)}", route(row).path)
    if brace != "org_id"
]


def arguments_for(name: str, value: object) -> dict[str, object]:
    return dict.fromkeys(re.findall(r"{(\w+)}", route(ROWS[name]).path), value)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_id_makes_no_request_whatever_the_tool(value):
    for name, brace in IN_PATH:
        arguments = arguments_for(name, "customers.jsonl") | {brace: value}
        with pytest.raises(BadArgumentsError, match=f"`{brace}`") as refused:
            build(ROWS[name], arguments, "o1")
        assert len(value) < 5 or value not in str(refused.value)


@pytest.mark.parametrize("value", [None, 5, True, ["a"], {"a": "b"}])
def test_an_id_that_is_no_text_makes_no_request(value):
    with pytest.raises(BadArgumentsError):
        build(ROWS["get_single_gladly_agent_by_id"], {"id": value})


@given(st.text())
def test_whatever_the_id_the_path_keeps_its_shape(value):
    row = ROWS["list_all_gladly_conversation_items"]
    try:
        path = build(row, {"conversation_id": value}).path
    except BadArgumentsError:
        return
    assert re.fullmatch(r"/conversations/[A-Za-z0-9_-][A-Za-z0-9_.-]*/items", path)


def test_braces_query_and_body_are_filled_from_their_own_arguments():
    call = build(
        ROWS["create_a_gladly_task"],
        {"customer_id": "c1", "body": "b", "dueAt": "d", "assignee": {"inboxId": "i"}},
    )
    assert (call.verb, call.path, call.query) == ("POST", "/customers/c1/tasks", {})
    assert call.body == {"body": "b", "dueAt": "d", "assignee": {"inboxId": "i"}}
    listed = build(ROWS["list_all_gladly_tasks"], {"customer_id": "c1", "status": "OPEN"})
    assert (listed.path, listed.query, listed.body) == (
        "/customers/c1/tasks",
        {"status": "OPEN"},
        None,
    )


def test_the_organisation_is_filled_in_and_no_argument_can_replace_it():
    row = ROWS["list_all_gladly_public_answers"]
    assert needs_organization(row)
    assert build(row, {"org_id": "theirs"}, "ours").path == "/orgs/ours/answers"
    assert not needs_organization(ROWS["list_all_gladly_agents"])
    with pytest.raises(BadArgumentsError):
        build(row, {})


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("get_single_gladly_agent_by_id", {}, "lacks `id`"),
        ("get_single_gladly_agent_by_id", {"id": "a", "secret-name": 1}, "may have only `id`"),
        ("list_all_gladly_agents", {"secret-name": 1}, "may have only no properties"),
        (
            "list_all_gladly_tasks",
            {"customer_id": "c", "status": "secret-name"},
            "`status` has to be one of OPEN, CLOSED",
        ),
        (
            "get_single_gladly_agent_by_id",
            {"id": ["secret-name"]},
            "`id` has to satisfy type string",
        ),
        ("list_all_gladly_customers", {}, "the object has to satisfy minProperties 1"),
        (
            "create_a_gladly_task",
            {"customer_id": "c", "body": "b", "dueAt": "d", "assignee": {"agentId": "secret-name"}},
            "`assignee` lacks `inboxId`",
        ),
    ],
)
def test_a_misfit_names_the_property_and_never_the_value(name, arguments, says):
    with pytest.raises(BadArgumentsError) as refused:
        check(ROWS[name], arguments)
    assert says in str(refused.value)
    assert "secret-name" not in str(refused.value)


def test_everything_wrong_is_said_at_once():
    with pytest.raises(BadArgumentsError, match=r"`status`.*; .*|.*lacks.*; "):
        check(ROWS["list_all_gladly_tasks"], {"status": "x"})
