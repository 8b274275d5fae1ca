"""What a model reads of an error of Gladly's: the cause, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from gladly_fixtures import catalog, text

from sidecar.gladly import results
from sidecar.gladly.advice import explain
from sidecar.gladly.client import Answer, GladlyError

ROWS = {row.tool.name: row for row in catalog().rows}
GET = ROWS["get_single_gladly_customer_by_id"]
BY_OPERATION = {row.rest.operation: row for row in ROWS.values() if row.rest}
DOCUMENTED = yaml.safe_load(Path(__file__).with_name("gladly_operations.yaml").read_text())
ERRORS = [
    (one["operation"], error) for one in DOCUMENTED["operations"] for error in one.get("errors", [])
]


def refused(row: Any, status: int, body: Any) -> str:
    raw = b"" if body is None else json.dumps(body).encode()
    answer = Answer(status, (("content-type", "application/json"),), raw)
    outcome = results.result(row, answer)
    assert outcome.is_error
    return text(outcome)


@pytest.mark.parametrize(
    ("operation", "error"), ERRORS, ids=[f"{name}-{e['status']}" for name, e in ERRORS]
)
def test_every_documented_error_names_its_cause(operation, error):
    """The next step: word for word in test_gladly_errors.py, where a model reads it."""
    row = BY_OPERATION[operation]
    said = refused(row, error["status"], error.get("body"))
    words, _, machine = said.partition(" {")
    found = json.loads("{" + machine)
    assert found["status"] == error["status"]
    for one in documented(error):
        if one["code"] == "moved":
            assert one["meta"]["new"] in words
        else:
            assert one.get("detail", one.get("attr", "")).rstrip(".") in words
        assert one["code"] in machine
    if not documented(error):
        assert "nothing has" in words or "it gave no reason" in words


def documented(error: Any) -> list[Any]:
    """The single errors of a documented body, whichever of the three shapes it has."""
    body = error.get("body")
    inner = body.get("errors") if isinstance(body, dict) else body
    return inner if isinstance(inner, list) else [inner] if inner else []


@pytest.mark.parametrize("status", [301, 400])
def test_a_merged_customer_names_the_new_id_and_says_to_call_again(status):
    moved = {"errors": [{"code": "moved", "meta": {"old": "old-id", "new": "new-id"}}]}
    said = refused(GET, status, moved)
    assert "the new id is new-id. Call get_single_gladly_customer_by_id again" in said
    machine = json.loads(said[said.index("{") :])
    assert (machine["code"], machine["meta"]["new"]) == ("moved", "new-id")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (GladlyError(404), "nothing has this `id`. Look the id up again"),
        (GladlyError(401), "An operator has to renew it"),
        (GladlyError(403), "lacks the role"),
        (GladlyError(409), "Another record is in the way"),
        (GladlyError(418), "it gave no reason. What holds for this tool"),
        (GladlyError(502), "Gladly itself failed. Try again later."),
        (GladlyError(400, "blank", attr="name"), "name is blank. Something required is missing"),
        (GladlyError(400, "unheard_of"), "the call is unheard_of. Do not repeat the call"),
        (GladlyError(409, "version_outdated", "old"), "old. Somebody changed it meanwhile"),
    ],
)
def test_every_refusal_says_what_happened_and_what_to_do_next(error, says):
    assert says in explain(GET, [error])


def test_what_stands_in_the_way_is_told_with_what_the_tool_says_beforehand():
    row = ROWS["delete_a_gladly_customer_by_id"]
    detail = "Unable to delete the profile. Please close any open or waiting conversations."
    said = explain(row, [GladlyError(400, "invalid_state", detail, "conversation")])
    assert row.constraints[0] in said


def test_several_errors_are_told_together_once_each():
    blank = [GladlyError(400, "blank", attr="a"), GladlyError(400, "blank", attr="b")]
    said = explain(GET, blank)
    assert said.count("Something required is missing or empty.") == 1
    assert "a is blank; b is blank." in said
    assert json.loads(said[said.index("{") :]) == {
        "status": 400,
        "errors": [{"code": "blank", "attr": "a"}, {"code": "blank", "attr": "b"}],
    }


def test_a_record_named_by_two_arguments_is_named_by_both():
    row = ROWS["get_single_gladly_export_job_file_by_id"]
    assert "nothing has these `job_id` and `id` together" in explain(row, [GladlyError(404)])
