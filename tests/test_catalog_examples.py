"""The calls that the catalog gives as examples, and what the library's policies say of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from flow import BUNDLE, CATALOG

from sidecar import redaction
from sidecar.catalog import Example, Row
from sidecar.model import Caller, Endpoint
from sidecar.policy import Embedded, Facts, Policy

ENGINE = Embedded(BUNDLE)
ENDPOINT = Endpoint("examples", None, methods=("read", "write", "custom"))
CALLER = Caller(ENDPOINT, is_authenticated=True, issuer="https://issuer.example", subject="agent")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = [(row, example) for row in CATALOG.rows for example in row.examples]


def test_every_shipped_row_has_an_example_and_a_rest_operation_of_its_own():
    assert [row.tool.name for row in CATALOG.rows if not row.examples or not row.rest] == []
    operations = [row.rest.operation for row in CATALOG.rows if row.rest]
    assert len(operations) == len(set(operations))


@pytest.mark.parametrize(
    ("row", "example"),
    EXAMPLES,
    ids=[f"{row.tool.name}-{row.examples.index(example)}" for row, example in EXAMPLES],
)
def test_the_librarys_policies_say_of_an_example_what_the_catalog_says(row: Row, example: Example):
    findings = redaction.scan(example.arguments)
    facts = Facts((row.tool,), CALLER, "tools/call", "2026-07-28", NOW, example.arguments, findings)
    verdict = asyncio.run(Policy(ENGINE, timeout=1.0).decide(facts)).of(row.tool.name)
    assert tuple(sorted(d.code for d in verdict.denials)) == example.denied_by
    assert verdict.is_allowed is (not example.denied_by)
