"""Rows that are proposed from a backend's list: unsafe until reviewed, and never broken."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from flow import CATALOG
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.catalog import Catalog, load, propose, words
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

KNOWN = "list_all_gladly_customers"
NEW: dict[str, Any] = {
    "name": "erase_everything",
    "title": "Erase",
    "description": "Erases all; see list_all_gladly_customers, and erase_everything.",
    "inputSchema": {
        "type": "object",
        "required": ["why", "gone"],
        "properties": {
            "why": {"type": ["null", "string"], "description": "The reason."},
            "how": {"anyOf": [{"type": "string"}]},
            "options": {"type": "object", "properties": {"a": {"type": "string"}}},
            "odd name": {"type": "string"},
        },
    },
    "annotations": {"readOnlyHint": True},
}
ALIKE = {
    "name": "updateCustomer",
    "inputSchema": {"properties": {"customerId": {"type": "string"}, "emails": {"type": "array"}}},
}


def loaded(text: str, *beside: Path) -> Catalog:
    """A file of proposals, beside other folders if any are named."""
    with TemporaryDirectory() as folder:
        Path(folder, "proposed.yaml").write_text(text, encoding="utf-8")
        return load([*beside, Path(folder)])


def test_what_the_catalog_knows_is_not_proposed():
    made = propose(CATALOG, [{"name": KNOWN}])
    assert (made.known, made.alike, made.new, made.text) == ((KNOWN,), (), (), "")


def test_a_tool_that_nobody_knows_is_unsafe_everywhere_whatever_it_says_of_itself():
    made = propose(CATALOG, [NEW])
    assert made.new == ("erase_everything",)
    tool = loaded(made.text, shipped("tool_catalog")).find("erase_everything")
    assert (tool.is_known, tool.method, tool.effect) == (True, "custom", "destructive")
    assert tool.tags == ("unreviewed",)
    assert sorted(tool.arguments) == ["how", "options", "why"]
    (row,) = yaml.safe_load(made.text)["tools"]
    assert row["description"] == "Erases all; see another tool, and another tool."
    assert row["input_schema"]["required"] == ["why"]
    assert row["input_schema"]["properties"]["why"]["type"] == "string"


def test_a_tool_named_as_gladlys_operation_gets_what_is_known_of_that():
    made = propose(CATALOG, [ALIKE])
    assert made.alike == ("updateCustomer",)
    tool, known = (
        loaded(made.text).find("updateCustomer"),
        CATALOG.find("update_a_gladly_customer_by_id"),
    )
    assert (tool.method, tool.effect) == (known.method, known.effect)
    assert set(tool.tags) == {*known.tags, "unreviewed"}
    assert tool.arguments["emails"] == known.arguments["emails"]
    assert tool.arguments["emails"].overwrites
    assert tool.pii == known.pii
    # Its customer is named by another argument there: whose data it is, a person must say.
    assert not [s for s in tool.subjects if s.source == "argument"]


def test_a_name_that_no_catalog_can_hold_is_told_and_left_out():
    made = propose(CATALOG, [{"name": "odd name"}, {"name": "a\nb"}])
    assert (made.unusable, made.text) == (("a\nb", "odd name"), "")


@pytest.mark.parametrize("schema", [None, [], {}, {"properties": []}, {"required": "x"}])
def test_a_schema_that_is_none_leaves_a_tool_without_arguments(schema):
    made = propose(CATALOG, [{"name": "ping", "inputSchema": schema}])
    assert loaded(made.text).find("ping").arguments == {}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "required", "description", "a", "b c"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {"name": st.text(min_size=1, max_size=12) | st.sampled_from(["getTask", "a_b", KNOWN])},
    optional={"title": json, "description": json, "inputSchema": json},
)


ODD = {"required": [[], {}, 1, "a", "a"], "properties": {"a": {"type": [[], {}, "string"]}}}


@given(st.lists(entries, max_size=4))
@example([{"name": "odd", "inputSchema": ODD}])
def test_whatever_a_backend_lists_its_proposals_load(listed):
    made = propose(CATALOG, listed)
    names = {entry["name"] for entry in listed}
    assert {*made.known, *made.alike, *made.new, *made.unusable} == names
    if made.text:
        found = loaded(made.text)
        for name in (*made.alike, *made.new):
            assert "unreviewed" in found.find(name).tags


def test_a_row_in_words_says_all_that_a_decision_needs():
    rows = {row.tool.name: row for row in CATALOG.rows}
    said = words(rows["update_a_gladly_customer_by_id"])
    assert "update_a_gladly_customer_by_id (inferred)" in said
    assert "argument        emails  array, overwrites, expects EMAIL" in said
    assert "Gladly's API    PATCH /customer-profiles/{id} (updateCustomer)" in said
    assert "about whom      customer, argument /id" in said
    assert "denied by access.destructive" in words(rows["delete_a_gladly_customer_by_id"])


@pytest.mark.parametrize("row", CATALOG.rows, ids=lambda row: row.tool.name)
def test_every_shipped_row_can_be_put_into_words(row):
    said = words(row)
    assert said.startswith(f"name            {row.tool.name}")
    assert all(len(line) > 16 for line in said.splitlines())
