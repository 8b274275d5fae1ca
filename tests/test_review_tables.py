"""A matrix in its four forms; names come from strangers and stay text in each."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from flow import CATALOG
from review_parts import LIBRARY, NOW, READ, WRITE

from sidecar.model import Caller, Endpoint
from sidecar.policy import Embedded, Policy
from sidecar.policy.comparing.matrix import Asker, Grid, grid
from sidecar.review.tables import table

HOSTILE = '=1+1 | <script>alert(1)</script> "x" \x1b[31m'


@pytest.fixture(scope="module")
def made() -> Grid:
    wide = Endpoint("wide", None, methods=("read", "write", "custom"))
    askers = [
        Asker("reader", Caller(Endpoint("narrow", None, methods=("read",)), is_authenticated=True)),
        Asker(HOSTILE, Caller(wide, is_authenticated=True)),
    ]
    tools = [CATALOG.find(READ), CATALOG.find(WRITE), replace(CATALOG.find(READ), name=HOSTILE)]
    return asyncio.run(grid(Policy(Embedded(LIBRARY), 5.0), askers, tools, NOW))


def test_a_sheet_has_a_row_a_tool_and_a_column_a_caller(made):
    head, *rows = csv.reader(io.StringIO(table(made, "csv")))
    assert head[:4] == ["tool", "method", "effect", "reader"]
    assert rows[0] == [READ, "list", "read", "yes", "yes"]
    assert rows[1] == [WRITE, "create", "write", "access.methods, sealed.methods", "yes"]
    assert rows[2][0] == f"'{HOSTILE}"


def test_markdown_escapes_what_would_end_a_cell_or_begin_a_tag(made):
    text = table(made, "markdown")
    assert "<script" not in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines[:4]} == {6}
    assert f"| {READ.replace('_', '_')} | list | read | yes | yes |" in text


def test_the_page_loads_nothing_and_runs_nothing_and_its_names_are_text(made):
    text = table(made, "html")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 3
    (style,) = re.findall(r"<style>(.*?)</style>", text)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    assert not re.search(r"(src|href|style|on\w+)=", re.sub(r"<meta [^>]*>", "", text))
    assert '<td class="no">access.methods, sealed.methods</td>' in text


def test_a_terminal_gets_a_letter_a_reason_and_no_escape(made):
    text = table(made, "text")
    assert "\x1b" not in text
    assert re.search(rf"^{WRITE} +write +a   \+$", text, re.MULTILINE)
    assert "  a  access.methods, sealed.methods" in text
    assert "PHONE last4" in text


def test_a_tool_that_is_masked_otherwise_is_told_by_its_name(made):
    verdicts = {name: dict(found) for name, found in made.verdicts.items()}
    verdicts["reader"][READ] = replace(verdicts["reader"][READ], masks=())
    text = table(replace(made, verdicts=verdicts), "csv")
    assert "mask all" not in text  # a sheet has the matrix alone
    assert "mask all (" in table(replace(made, verdicts=verdicts), "text")


def test_a_caller_who_may_call_nothing_is_told_to_see_nothing(made):
    verdicts = {**made.verdicts, "reader": {}}
    assert "calls nothing" in table(replace(made, verdicts=verdicts), "text")
