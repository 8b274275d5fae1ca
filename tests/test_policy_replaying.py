"""Recorded decisions judged again: decided whenever the policy reads nothing that was withheld."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from review_parts import LIBRARY, READ, WRITE, facts, policies, recorded

from sidecar.model import Verdict
from sidecar.policy import Bundle, Embedded, Facts, Policy
from sidecar.policy.comparing.replaying import Judge, Judged

pytestmark = pytest.mark.thorough

SECRET = {"body": "please refund", "status": "OPEN", "amount": 3}
REFUNDS = 'contains(input.arguments.body, "refund")'


def judged(bundle: Bundle, asked: Facts) -> Judged:
    return asyncio.run(Judge(bundle).judge(recorded(asked)))


def is_allowed(found: Judged) -> bool | None:
    return None if found.verdict is None else found.verdict.is_allowed


def test_a_call_with_withheld_arguments_is_decided_by_rules_that_do_not_read_them():
    assert is_allowed(judged(LIBRARY, facts(arguments=SECRET))) is True
    assert is_allowed(judged(LIBRARY, facts(arguments=SECRET, methods=("read",)))) is False


def test_a_rule_that_reads_a_withheld_leaf_makes_a_call_undecidable_and_is_named(tmp_path):
    found = judged(policies(tmp_path / "site", arguments_refunds=REFUNDS), facts(arguments=SECRET))
    assert found.verdict is None
    (where,) = found.reads
    assert where.startswith(str(tmp_path / "site" / "arguments_refunds.rego:"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('input.arguments.status == "OPEN"', False),
        ('input.arguments.status == "CLOSED"', True),
        ("input.arguments.amount > 2", False),
        (f'tool.effect == "read"\n{REFUNDS}', True),
        ("input.arguments.not_there", True),
    ],
)
def test_a_rule_that_reads_what_the_log_tells_is_decided(tmp_path, body, expected):
    bundle = policies(tmp_path / "site", arguments_mine=body)
    assert is_allowed(judged(bundle, facts(arguments=SECRET))) is expected


def test_a_denial_that_reads_nothing_withheld_holds_whatever_another_rule_would_say(tmp_path):
    bundle = policies(
        tmp_path / "site", arguments_refunds=REFUNDS, access_no_writes='tool.effect == "write"'
    )
    found = judged(bundle, facts(arguments=SECRET))
    assert is_allowed(found) is False


@pytest.mark.parametrize(
    "scope", [{"methods": ("read",)}, {"expires_at": datetime(2025, 1, 1, tzinfo=UTC)}]
)
def test_the_sealed_scope_refuses_whatever_a_rule_would_read(tmp_path, scope):
    bundle = policies(tmp_path / "site", arguments_refunds=REFUNDS)
    found = judged(bundle, facts(arguments=SECRET, **scope))
    assert is_allowed(found) is False


def test_a_person_whose_name_was_scrubbed_cannot_be_judged_by(tmp_path):
    bundle = policies(tmp_path / "site", access_one='input.caller.on_behalf_of == "jane"')
    assert is_allowed(judged(bundle, facts(on_behalf_of="user-7"))) is True
    assert judged(bundle, facts(on_behalf_of="jane.roe@example.com")).verdict is None


def test_a_policy_that_has_no_value_refuses_and_says_so(tmp_path):
    bundle = policies(tmp_path / "site", arguments_odd="to_number(input.arguments.status)")
    found = judged(bundle, facts(arguments=SECRET))
    assert (is_allowed(found), found.failed) == (False, True)


def test_an_error_that_a_withheld_leaf_may_have_led_to_is_undecidable(tmp_path):
    bundle = policies(tmp_path / "site", arguments_odd="to_number(input.arguments.body) > 1")
    found = judged(bundle, facts(arguments=SECRET))
    assert (found.verdict, found.reads) == (None, (f"{tmp_path}/site/arguments_odd.rego:14",))


def test_a_document_about_a_list_is_none_that_can_be_judged():
    document = recorded(facts())
    with pytest.raises(ValueError, match="about a list"):
        asyncio.run(Judge(LIBRARY).judge({**document, "tools": document["tools"] * 2}))


BODIES = (
    REFUNDS,
    "count(input.arguments.body) > 9",
    'input.arguments.status == "OPEN"',
    'some x in input.arguments\nx == "OPEN"',
    'tool.effect == "read"\nstartswith(input.arguments.body, "p")',
    'input.caller.on_behalf_of == "jane.roe@example.com"',
    'walk(input.arguments, [["deep", _], "OPEN"])',
)


def test_no_decided_replay_differs_from_what_the_policy_says_of_the_whole_call(tmp_path):
    bundles = [policies(tmp_path / f"s{n}", arguments_mine=b) for n, b in enumerate(BODIES)]
    judges = [Judge(bundle) for bundle in bundles]
    truths = [Policy(Embedded(bundle), 5.0) for bundle in bundles]
    leaf = st.sampled_from(["please refund", "OPEN", "p", "jane.roe@example.com", 3, 10**9, None])
    value = st.recursive(leaf, lambda inner: st.lists(inner, max_size=2), max_leaves=3)
    arguments = st.dictionaries(
        st.sampled_from(["body", "status", "deep", "Jane Roe"]), value, max_size=4
    )

    @settings(max_examples=60, deadline=None)
    @given(
        which=st.integers(0, len(BODIES) - 1),
        arguments=arguments,
        tool=st.sampled_from([READ, WRITE]),
        human=st.sampled_from(["user-1", "jane.roe@example.com"]),
    )
    def check(which, arguments, tool, human):
        asked = facts(tool, arguments, on_behalf_of=human)
        found = asyncio.run(judges[which].judge(recorded(asked)))
        if found.verdict is not None and not found.failed:
            truth: Verdict = asyncio.run(truths[which].decide(asked)).of(tool)
            assert found.verdict.is_allowed == truth.is_allowed

    check()
