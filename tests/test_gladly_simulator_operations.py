"""The simulator held against what Gladly's public descriptions say of each operation.

`gladly_operations.yaml` restates them; `gladly_asks.py` has a request for every claim.
"""

import csv
import io
import json
import re
from typing import Any

import httpx2
import pytest
from gladly_asks import DOCUMENTED, ERRORS, OPERATIONS, SUCCESSES, Ask
from gladly_fixtures import Gladly

from sidecar.gladly.simulator.routes import ENDPOINTS

pytestmark = pytest.mark.thorough

FIELDS = {name: set(names) for name, names in DOCUMENTED["schemas"].items()}
CLAIMS = [
    pytest.param(one, error, ERRORS.get(one["operation"], []), n, id=f"{one['operation']}-{n}")
    for one in DOCUMENTED["operations"]
    for n, error in enumerate(one.get("errors", []))
]
PLACEHOLDER = re.compile(r"<[^>]*>|\[[^\]]*\]|\{[^}]*\}|\b[A-Za-z0-9_-]{22}\b")
"""What stands for a value in a documented text: in brackets, or an id of the examples."""


def succeeded(operation: dict[str, Any]) -> httpx2.Response:
    request = SUCCESSES[operation["operation"]]
    return request(Gladly(), operation["verb"], operation["path"])


def is_like(documented: Any, actual: Any) -> bool:
    """The same JSON, where a placeholder in a text stands for anything."""
    if isinstance(documented, dict):
        same = isinstance(actual, dict) and documented.keys() == actual.keys()
        return same and all(is_like(value, actual[key]) for key, value in documented.items())
    if isinstance(documented, list):
        same = isinstance(actual, list) and len(documented) == len(actual)
        return same and all(map(is_like, documented, actual))
    if isinstance(documented, str) and isinstance(actual, str):
        parts = map(re.escape, PLACEHOLDER.split(documented))
        return re.fullmatch(".+".join(parts), actual) is not None
    return bool(documented == actual)


def test_what_is_compared_can_differ():
    body = {"errors": [{"code": "moved", "detail": "customer [<id>] is gone"}]}
    assert is_like(body, {"errors": [{"code": "moved", "detail": "customer [x] is gone"}]})
    others: list[Any] = [
        {"code": "moved", "detail": "customer [x] is gone"},
        [{"code": "taken", "detail": "customer [x] is gone"}],
        [{"code": "moved", "detail": "customer [x] is here"}],
        [{"code": "moved", "detail": "customer [x] is gone", "attr": "id"}],
        [],
    ]
    for errors in others:
        assert not is_like(body, {"errors": errors})


def without_names(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def test_every_operation_is_routed_and_nothing_else():
    documented = [
        (one["verb"], re.sub(r"\{\w+\}", "{}", one["path"])) for one in OPERATIONS.values()
    ]
    routed = [(verb, re.sub(r"\{\w+\}", "{}", path)) for verb, path, _ in ENDPOINTS]
    assert routed == documented
    assert len(set(routed)) == 80


def test_every_claim_has_its_request():
    assert SUCCESSES.keys() == OPERATIONS.keys()
    counts = {name: len(one["errors"]) for name, one in OPERATIONS.items() if "errors" in one}
    assert {name: len(requests) for name, requests in ERRORS.items()} == counts


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_success_has_the_documented_status_headers_and_kind_of_body(operation):
    documented = operation["success"]
    answer = succeeded(operation)
    assert answer.status_code == documented["status"]
    for name, form in documented.get("headers", {}).items():
        if name == "Location" and "{" not in form:
            assert re.match(r"https://\S+Signature=", answer.headers[name])
        else:
            assert is_like(form, answer.headers[name])
    assert "Gladly-Limited-Data" not in answer.headers
    assert_is_a(documented["schema"], answer)


def assert_is_a(schema: str, answer: httpx2.Response) -> None:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if schema.startswith(("empty body", "redirect")):
        assert answer.content == b""
    elif "binary" in schema:
        assert (kind, answer.content[:2]) == ("audio/mpeg", b"\xff\xfb")
    elif schema.startswith("application/x-"):
        assert kind == schema.partition(",")[0]
        rows = [json.loads(line) for line in answer.text.splitlines()]
        assert rows
        assert all(isinstance(row, dict) for row in rows)
    elif schema == "text/csv":
        assert kind == schema
        head, *rows = csv.reader(io.StringIO(answer.text))
        assert rows
        assert {len(row) for row in rows} == {len(head)}
    else:
        assert kind == "application/json"
        assert_has_fields(schema, answer.json())


def assert_has_fields(schema: str, value: Any) -> None:
    if listed := re.fullmatch(r"JSON \{(.*)\}", schema):
        names = {part.split(" ")[0] for part in listed[1].split(",")}
        assert value
        assert value.keys() <= names
        return
    is_list = schema.startswith("array of ")
    assert isinstance(value, list) is is_list
    rows: list[dict[str, Any]] = value if is_list else [value]
    assert rows
    for row in rows:
        assert {"id"} & FIELDS[schema.removeprefix("array of ")] <= row.keys()
        assert row.keys() <= FIELDS[schema.removeprefix("array of ")]


@pytest.mark.parametrize(("operation", "error", "requests", "number"), CLAIMS)
def test_a_documented_error_can_be_had(operation, error, requests: list[Ask], number):
    gladly = Gladly()
    answer = requests[number](gladly, operation["verb"], operation["path"])
    assert answer.status_code == error["status"]
    if "body" in error:
        assert is_like(error["body"], answer.json()), answer.text
    elif "schema" in error:
        assert answer.json()["errors"]
    else:
        assert answer.content == b""
    headers = error.get("headers", {})
    if isinstance(headers, dict) and headers:
        assert answer.headers["Location"].endswith("/conversation-items")
        assert gladly.id_of("customer/merged") in answer.headers["Location"]
    else:
        assert "Location" not in answer.headers


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_error_changes_nothing(operation):
    for request in ERRORS.get(operation["operation"], []):
        gladly, other = Gladly(), Gladly()
        if request.before:
            request.before(other.world)
        request(gladly, operation["verb"], operation["path"])
        assert gladly.world.tables == other.world.tables


# ---- personal data

TABLES = {
    "Customer": "customers",
    "Conversation": "conversations",
    "ConversationItem": "items",
    "VoiceTranscript": "transcripts",
    "Task": "tasks",
    "TaskComment": "comments",
    "Agent": "agents",
    "CallRecorder": "recorders",
    "Team": "teams",
    "CustomAttribute": "attributes",
    "Webhook": "webhooks",
}
PERSONAL = sorted(
    {
        (schema, path)
        for one in OPERATIONS.values()
        if (schema := one["success"]["schema"].removeprefix("array of ")) in TABLES
        for path in (entry.partition(":")[0] for entry in one.get("personal_data", []))
    }
)


@pytest.mark.parametrize(("schema", "path"), PERSONAL)
def test_every_field_for_personal_data_has_a_value_in_some_record(schema, path):
    rows = Gladly().world.where(TABLES[schema])
    assert any(holds(row, path.removeprefix("[].")) for row in rows)


def holds(row: dict[str, Any], path: str) -> bool:
    if typed := re.fullmatch(r"content\[(\w+)\]\.(\w+)", path):
        kind = row["content"].get("type")
        is_it = kind in {"TEXT", "FILES"} if typed[1] == "custom" else kind == typed[1]
        return is_it and bool(row["content"].get(typed[2]))
    return bool(row.get(path))


def test_items_of_each_type_have_the_documented_fields_and_no_others():
    seen: dict[str, set[str]] = {}
    for item in Gladly().world.where("items"):
        content = item["content"]
        kind = "custom" if content["type"] in {"TEXT", "FILES"} else content["type"]
        seen[kind] = seen.get(kind, set()) | (content.keys() - {"type"})
    assert {"KIOSK_MESSAGE", "COBROWSE_SESSION"} == seen.keys() - DOCUMENTED["contents"].keys()
    for kind, names in DOCUMENTED["contents"].items():
        assert seen[kind] == set(names)
