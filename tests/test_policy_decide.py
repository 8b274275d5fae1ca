"""The three layers put together: what an engine answers is believed in one form and never alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from engine_parts import (
    CALLERS,
    ENDPOINTS,
    JSON,
    NOW,
    READER,
    TOOL,
    TOOLS,
    Fixed,
    decided,
    facts,
    verdict,
)
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import OrganDown
from sidecar.model import Decision, Endpoint, Tool
from sidecar.policy import Policy
from sidecar.policy.sealed import denials

DENIAL = {"group": "access", "code": "access.x", "message": "m", "remedy": "r"}
MASK = {"code": "masks.x", "entity": "EMAIL", "action": "mask"}
READS, WRITES = {"list", "get"}, {"create", "update", "delete"}
CODES = st.lists(st.text(max_size=3) | JSON, max_size=2)
DENIALS = st.lists(st.just(DENIAL) | JSON, max_size=2)
MASKS = st.lists(st.just(MASK) | JSON, max_size=2)
VERDICTS = (
    st.builds(verdict, st.booleans(), CODES, DENIALS, MASKS)
    | st.just(verdict())
    | st.fixed_dictionaries({}, optional={"allow": JSON, "grants": JSON, "denials": JSON})
    | JSON
)


def answers(*tools: Tool) -> st.SearchStrategy[Any]:
    """Whatever an engine might answer, most often something near the agreed form."""
    verdicts = st.fixed_dictionaries({tool.name: VERDICTS for tool in tools})
    told = st.fixed_dictionaries({"tools": verdicts})
    return told | st.fixed_dictionaries({"tools": JSON}) | JSON


def is_inside(tool: Tool, endpoint: Endpoint) -> bool:
    """Whether an endpoint's own scope has a tool; said again, in other words than the program's."""
    by_name = {"read": READS, "write": WRITES}
    methods = {m for name in endpoint.methods for m in by_name.get(name, {name})}
    return (
        (not endpoint.methods or tool.method in methods)
        and (not endpoint.tags or any(tag in endpoint.tags for tag in tool.tags))
        and (endpoint.expires_at is None or endpoint.expires_at > NOW)
    )


@given(tool=TOOLS, caller=CALLERS, data=st.data())
def test_no_answer_of_an_engine_allows_a_tool_outside_its_endpoint(tool, caller, data):
    made = decided(data.draw(answers(tool)), facts(tool, caller=caller))
    if isinstance(made, Decision) and not is_inside(tool, caller.endpoint):
        assert not made.of(tool.name).is_allowed
        assert made.of(tool.name).is_hidden


@given(tool=TOOLS, endpoint=ENDPOINTS)
def test_an_engine_that_allows_everything_allows_just_what_the_endpoint_has(tool, endpoint):
    answer = {"tools": {tool.name: verdict()}}
    made = decided(answer, facts(tool, caller=replace(READER, endpoint=endpoint)))
    assert isinstance(made, Decision)
    assert made.of(tool.name).is_allowed is is_inside(tool, endpoint)


@given(tool=TOOLS, data=st.data())
def test_a_tool_is_allowed_only_by_true_a_grant_and_no_denial(tool, data):
    answer = data.draw(answers(tool))
    made = decided(answer, facts(tool))
    if isinstance(made, Decision) and made.of(tool.name).is_allowed:
        said = answer["tools"][tool.name]
        assert said["allow"] is True
        assert type(said["grants"]) is type(said["denials"]) is type(said["masks"]) is list
        assert said["grants"]
        assert not said["denials"]


@pytest.mark.parametrize(
    ("methods", "method", "inside"),
    [
        (("read",), "get", True),
        (("read",), "update", False),
        (("read",), "custom", False),
        (("write",), "delete", True),
        (("write",), "list", False),
        (("read", "custom"), "custom", True),
        ((), "delete", True),
    ],
)
def test_the_sealed_layer_knows_the_groups_of_methods(methods, method, inside):
    found = denials(replace(TOOL, method=method), Endpoint("e", None, methods), NOW)
    assert [d.code for d in found] == ([] if inside else ["sealed.methods"])


def test_the_sealed_layer_says_each_reason():
    endpoint = Endpoint("e", None, ("create",), ("a",), expires_at=NOW)
    found = denials(TOOL, endpoint, NOW)
    assert [d.code for d in found] == ["sealed.methods", "sealed.tags", "sealed.expiry"]
    assert {d.group for d in found} == {"sealed"}


BAD_VERDICTS: list[Any] = [
    "allow",
    [],
    {},
    verdict(allow="true"),
    verdict(allow=1),
    verdict(allow=None),
    verdict(allow=False),
    verdict(grants=()),
    verdict(grants=(1,)),
    verdict(grants=(None,)),
    verdict(grants="everything"),
    verdict(grants={"everything": True}),
    verdict(denials=(DENIAL,)),
    verdict(denials=""),
    verdict(denials={}),
    verdict(denials=None),
    verdict(allow=False, denials=("no",)),
    verdict(allow=False, denials=({**DENIAL, "code": 1},)),
    verdict(allow=False, denials=({**DENIAL, "message": None},)),
    verdict(allow=False, denials=({k: v for k, v in DENIAL.items() if k != "group"},)),
    verdict(masks={}),
    verdict(masks=""),
    verdict(masks=None),
    verdict(masks=(MASK | {"action": "shred"},)),
    verdict(masks=(MASK | {"action": ["mask"]},)),
    verdict(masks=(MASK | {"pointer": "/x"},)),
    verdict(masks=(MASK | {"entity": None},)),
    verdict(masks=(MASK | {"entity": "EMIAL"},)),
    verdict(masks=({"code": "masks.x", "action": "mask"},)),
    verdict(masks=({"code": "masks.x", "action": "mask", "pointer": None},)),
    verdict(masks=({"code": "masks.x", "action": "mask", "pointer": "name"},)),
    verdict(masks=({"action": "mask", "entity": "EMAIL"},)),
]


@pytest.mark.parametrize("said", BAD_VERDICTS, ids=repr)
def test_any_other_form_of_a_verdict_is_no_decision(said):
    made = decided({"tools": {TOOL.name: said}}, facts())
    assert isinstance(made, OrganDown)
    assert made.reason == "policy_malformed"


@pytest.mark.parametrize("said", [None, 1, [], "<undefined>", {}, {"tools": []}, {"tools": None}])
def test_any_other_form_of_an_answer_is_no_decision(said):
    made = decided(said, facts())
    assert isinstance(made, OrganDown)
    assert made.reason == "policy_malformed"


@pytest.mark.parametrize("said", [{}, {"other": verdict()}, {TOOL.name: None}])
def test_a_tool_that_the_engine_does_not_mention_is_not_allowed(said):
    made = decided({"tools": said}, facts())
    assert isinstance(made, Decision)
    assert not made.of(TOOL.name).is_allowed
    assert made.of(TOOL.name).is_hidden


def test_a_denial_of_a_strange_group_hides_the_tool():
    strange = verdict(allow=False, denials=(DENIAL | {"group": "whatever"},))
    made = decided({"tools": {TOOL.name: strange}}, facts())
    assert isinstance(made, Decision)
    assert made.of(TOOL.name).is_hidden


def test_a_denial_of_arguments_does_not_hide_the_tool():
    said = verdict(allow=False, denials=(DENIAL | {"group": "arguments"},))
    made = decided({"tools": {TOOL.name: said}}, facts())
    assert isinstance(made, Decision)
    assert not made.of(TOOL.name).is_allowed
    assert not made.of(TOOL.name).is_hidden


def test_nothing_is_asked_about_no_tools():
    made = asyncio.run(Policy(Fixed(None), 5.0).decide(replace(facts(), tools=())))
    assert made == Decision({}, Fixed.policy_sha256)


def test_an_engine_that_is_late_is_no_decision():
    class Late(Fixed):
        async def evaluate(self, document: dict[str, Any]) -> Any:
            return await asyncio.Event().wait()

    with pytest.raises(OrganDown) as caught:
        asyncio.run(Policy(Late(None), 0.01).decide(facts()))
    assert caught.value.reason == "policy_timed_out"


def test_the_masks_of_known_tools_alone_are_kept_for_the_next_decision():
    said = {"tools": {TOOL.name: verdict(masks=(MASK,))}}
    known, again, strange = (
        decided(said, facts(replace(TOOL, is_known=is_known))) for is_known in (True, True, False)
    )
    assert isinstance(known, Decision)
    assert isinstance(again, Decision)
    assert isinstance(strange, Decision)
    assert known == again == strange
    assert known.of(TOOL.name).masks[0] is again.of(TOOL.name).masks[0]
    assert known.of(TOOL.name).masks[0] is not strange.of(TOOL.name).masks[0]
