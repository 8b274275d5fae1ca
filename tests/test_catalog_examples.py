"""The calls that the catalog gives as examples, and what the library's policies say of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from flow import BUNDLE, CATALOG

from sidecar import redaction
from sidecar.catalog import Example, Row
from sidecar.model import Caller, Endpoint
from sidecar.policy import Embedded, Facts, Policy

pytestmark = pytest.mark.thorough

ENGINE = Embedded(BUNDLE)
ENDPOINT = Endpoint("examples", None, methods=("read", "write", "custom"))
CALLER = Caller(ENDPOINT, is_authenticated=True, issuer="https://issuer.example", subject="agent")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = [(row, example) for row in CATALOG.rows for example in row.examples]


def test_every_shipped_row_has_an_example_and_a_rest_operation_of_its_own():
    assert [row.tool.name for row in CATALOG.rows if not row.examples or not row.rest] == []
    operations = [row.rest.operation for row in CATALOG.rows if row.rest]
    assert len(operations) == len(set(operations))


def judged(row: Row, arguments: dict[str, Any]) -> Any:
    findings = redaction.scan(arguments)
    facts = Facts((row.tool,), CALLER, "tools/call", "2026-07-28", NOW, arguments, findings)
    return asyncio.run(Policy(ENGINE, timeout=1.0).decide(facts)).of(row.tool.name)


@pytest.mark.parametrize(
    ("row", "example"),
    EXAMPLES,
    ids=[f"{row.tool.name}-{row.examples.index(example)}" for row, example in EXAMPLES],
)
def test_the_librarys_policies_say_of_an_example_what_the_catalog_says(row: Row, example: Example):
    verdict = judged(row, dict(example.arguments))
    assert tuple(sorted(d.code for d in verdict.denials)) == example.denied_by
    assert verdict.is_allowed is (not example.denied_by)


ARGUMENTS = [(row, name) for row in CATALOG.rows for name in row.input_schema["properties"]]
MASKS = (
    "[EMAIL]",
    "Dear [NAME:c0ffee0123] of [PHONE:…2671],",
    {"deep": ["", "[CARD:…1111]"]},
    "[NAME:k1:abcdefghij234567]",
)


def is_closed_to_masks(row: Row, name: str) -> bool:
    """What the catalog does not mention is closed, unless the tool only reads."""
    marks = row.tool.arguments.get(name)
    return marks.overwrites or marks.outbound if marks else row.tool.effect != "read"


@pytest.mark.parametrize("mask", MASKS, ids=["alone", "in a text", "deep", "token"])
@pytest.mark.parametrize(
    ("row", "name"), ARGUMENTS, ids=[f"{row.tool.name}-{name}" for row, name in ARGUMENTS]
)
def test_invariant_12_a_mask_stands_in_no_argument_that_overwrites_or_goes_out(
    row: Row, name: str, mask: Any
):
    verdict = judged(row, {**row.examples[0].arguments, name: mask})
    denied = {denial.code for denial in verdict.denials}
    assert ("arguments.masked_values" in denied) is is_closed_to_masks(row, name)


def test_every_field_that_an_update_replaces_is_marked_as_overwriting():
    """A version only says which state is meant."""
    updates = [(row, row.rest) for row in CATALOG.rows if row.tool.method == "update" and row.rest]
    assert updates
    for row, rest in updates:
        kept = {n for n in rest.body if not row.tool.arguments[n].overwrites}
        assert kept <= {"version"}, row.tool.name
