"""What each rule says of a call, and where a rule that says nothing stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from review_parts import LIBRARY, READ, WRITE, facts, policies

from sidecar.policy.comparing.explaining import Explainer, Said

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def library() -> Explainer:
    return Explainer(LIBRARY)


def said(
    explainer: Explainer, rule: str, kind: str = "deny", *, tool: str = WRITE, **asked: Any
) -> Said:
    question = facts(tool, **asked)
    every = explainer.explain(question.document(), question.tools[0].name)
    (found,) = [one for one in every if (one.rule.name, one.rule.kind) == (rule, kind)]
    return found


def test_a_rule_that_denies_is_told_with_its_words_and_its_line(library):
    found = said(library, "access.methods", methods=("read",))
    assert [item["code"] for item in found.says] == ["access.methods"]
    file, _, line = found.rule.where.rpartition(":")
    text = Path(file).read_text().splitlines()[int(line) - 1]
    assert text.startswith("deny contains")


def test_a_rule_that_grants_is_told_apart_from_its_denials(library):
    assert said(library, "access.methods", "grant").says
    assert not said(library, "access.methods", "deny").says


def test_a_rule_that_says_nothing_is_told_with_the_condition_at_which_it_stopped(library):
    found = said(library, "access.destructive")
    assert found.says == ()
    assert found.condition == 'not tool.effect in {"read", "write"}'


def test_a_condition_that_only_some_calls_reach_is_the_one_that_is_told(library):
    assert said(library, "access.bulk", tool=READ).condition == "tag in bulk_tags"
    exported = said(library, "access.bulk", tool="delete_a_gladly_export_job_by_id")
    assert [item["code"] for item in exported.says] == ["access.bulk"]


def test_masks_of_every_tool_are_told_for_a_tool(library):
    found = said(library, "masks.default", "mask")
    assert {item["entity"]: item["action"] for item in found.says}["PHONE"] == "last4"


def test_rules_of_arguments_are_not_asked_of_a_list(library):
    document = {**facts().document(), "mcp": {"method": "tools/list", "protocol": ""}}
    names = {one.rule.name for one in library.explain(document, WRITE)}
    assert "access.methods" in names
    assert not any(name.startswith("arguments.") for name in names)


def test_rules_of_a_site_are_told_as_a_sites(tmp_path):
    explainer = Explainer(policies(tmp_path / "site", access_mine='tool.effect == "write"'))
    found = said(explainer, "access.mine")
    assert (found.rule.layer, bool(found.says)) == ("site", True)


def test_a_rule_with_an_error_is_told_as_one_that_fails(tmp_path):
    explainer = Explainer(policies(tmp_path / "site", arguments_odd="to_number(input.arguments.x)"))
    assert said(explainer, "arguments.odd", arguments={"x": "no"}).failed
    assert not said(explainer, "access.methods", "grant", arguments={"x": "no"}).failed


PLACES = (("arguments", "body"),)


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        ('contains(input.arguments.body, "refund")', True),
        ('some x in input.arguments\nx == "refund"', True),
        ('walk(input.arguments, [_, "refund"])', True),
        ('input[_].body == "refund"', True),
        ('tool.effect == "read"\ncontains(input.arguments.body, "refund")', False),
        ("input.arguments.amount > 3", False),
        ('"auditor" in roles\ncount(input.arguments) > 3', False),
        ('every k, v in object.get(input, "arguments", {}) {\n\tv == 1\n}', True),
        ("not _is_long(input.arguments)\n}\n\n_is_long(x) if {\n\tcount(x.body) > 7", True),
    ],
)
def test_a_place_is_read_if_a_line_that_refers_to_it_is_run(tmp_path, body, reads):
    explainer = Explainer(policies(tmp_path / "site", arguments_mine=body))
    document = facts(arguments={"body": "x" * 9, "amount": 2}).document()
    assert bool(explainer.reads(document, PLACES)) is reads


def test_the_library_reads_no_argument_itself(library):
    document = facts(arguments={"body": "x" * 9}).document()
    assert library.reads(document, (("arguments",),)) == ()


def test_a_policy_that_fails_has_read_what_it_read_before(tmp_path):
    explainer = Explainer(policies(tmp_path / "site", arguments_odd="to_number(input.arguments.x)"))
    document = facts(arguments={"x": "no"}).document()
    (where,) = explainer.reads(document, (("arguments", "x"),))
    assert where == f"{tmp_path}/site/arguments_odd.rego:14"
    assert explainer.reads(document, (("arguments", "y"),)) == ()
