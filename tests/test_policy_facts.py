"""The input document: what a rule may know is what the published schema says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from engine_parts import CALLERS, FINDINGS, JSON, NAMES, NOW, READER, TOOL, TOOLS, facts
from flow import CATALOG
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from sidecar.model import ArgumentMarks, Finding, Tool
from sidecar.policy import Facts
from sidecar.policy.facts import VERSION
from sidecar.settings import shipped

SCHEMA: dict[str, Any] = orjson.loads((shipped("policies") / "input.schema.json").read_bytes())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
COMMON = {"caller": CALLERS, "protocol": NAMES, "now": st.just(NOW), "findings": FINDINGS}
LISTS = st.builds(
    Facts,
    tools=st.lists(TOOLS, min_size=1, max_size=3),
    method=st.just("tools/list"),
    arguments=st.none(),
    **COMMON,
)
CALLS = st.builds(
    Facts,
    tools=st.tuples(TOOLS),
    method=st.just("tools/call"),
    arguments=st.dictionaries(NAMES, JSON, max_size=3),
    **COMMON,
)


def written(asked: Facts) -> Any:
    """The document as the engine gets it."""
    return orjson.loads(orjson.dumps(asked.document()))


def test_the_schema_is_a_schema_and_closed():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["additionalProperties"] is False
    assert SCHEMA["properties"]["version"]["const"] == VERSION


@given(asked=LISTS | CALLS)
def test_every_document_is_as_the_schema_says(asked):
    assert [error.message for error in VALIDATOR.iter_errors(written(asked))] == []


@pytest.mark.parametrize("key", ["version", "tools", "mcp", "caller", "endpoint", "time"])
def test_the_schema_refuses_a_document_that_lacks_a_part(key):
    document = written(facts())
    del document[key]
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("caller", "roles"),
        ("caller", "authenticated"),
        ("endpoint", "methods"),
        ("endpoint", "expires_at"),
        ("endpoint", "account"),
        ("mcp", "method"),
    ],
)
def test_the_schema_refuses_a_part_that_lacks_a_member_or_has_one_more(part, key):
    document = written(facts())
    assert not VALIDATOR.is_valid(document | {part: document[part] | {"more": 1}})
    del document[part][key]
    assert not VALIDATOR.is_valid(document)


def test_the_schema_knows_exactly_what_is_written_of_a_tool():
    document = written(facts())
    (tool,) = document["tools"]
    for name in tool:
        without = {key: value for key, value in tool.items() if key != name}
        assert not VALIDATOR.is_valid(document | {"tools": [without]}), name


def test_a_list_carries_neither_arguments_nor_findings():
    document = written(
        facts(method="tools/list", arguments=None, findings=(Finding("EMAIL", "/x", 3),))
    )
    assert {"arguments", "findings"}.isdisjoint(document)


def test_a_finding_carries_its_kind_its_place_and_its_length():
    asked = facts(arguments={"x": "a@b.example"}, findings=(Finding("EMAIL", "/x", 11),))
    assert written(asked)["findings"] == [{"entity": "EMAIL", "pointer": "/x", "length": 11}]


def test_the_marks_of_an_argument_are_told():
    tool = replace(TOOL, arguments={"pin": ArgumentMarks(overwrites=True, expected=("PIN",))})
    (told,) = written(facts(tool))["tools"]
    marks = {"overwrites": True, "outbound": False, "expected": ["PIN"]}
    assert told["arguments"] == {"pin": marks}


def test_where_customers_write_is_told_and_of_an_unknown_tool_it_is_anywhere():
    rows = {row.tool.name: row.tool for row in CATALOG.rows}
    asked = facts(rows["create_a_gladly_task"], rows["list_all_gladly_tasks"], Tool("invented"))
    told = {tool["name"]: tool["customer_text"] for tool in written(asked)["tools"]}
    assert told == {
        "create_a_gladly_task": list(rows["create_a_gladly_task"].customer_text),
        "list_all_gladly_tasks": ["/body"],
        "invented": ["/**"],
    }


@given(caller=CALLERS)
def test_the_caller_and_the_endpoint_are_told_as_they_are(caller):
    document = written(facts(caller=caller))
    assert document["caller"]["claims"] == caller.claims
    assert document["caller"]["roles"] == list(caller.roles)
    assert document["caller"]["authenticated"] is caller.is_authenticated
    assert document["endpoint"]["methods"] == list(caller.endpoint.methods)
    assert document["endpoint"]["account"] == caller.endpoint.account


def test_no_hash_of_an_endpoints_token_is_told():
    caller = replace(READER, endpoint=replace(READER.endpoint, token_hash="c0ffee" * 8))
    assert b"c0ffee" not in orjson.dumps(facts(caller=caller).document())
