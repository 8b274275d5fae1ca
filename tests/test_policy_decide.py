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
    answer,
    decided,
    facts,
)
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import OrganDown
from sidecar.model import Decision, Endpoint, Tool
from sidecar.policy import Policy
from sidecar.policy.sealed import denials
from sidecar.redaction.rules import strictest

DENIAL = {"group": "access", "code": "access.x", "message": "m", "remedy": "r"}
MASK = {"code": "masks.x", "entity": "EMAIL", "action": "mask"}
READS, WRITES = {"list", "get"}, {"create", "update", "delete"}
NAMED = st.just(TOOL.name) | st.just("*") | JSON


def items(like: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A list of something like what rules give, or anything else."""
    parts = {key: st.just(value) | JSON for key, value in like.items()}
    return st.lists(st.fixed_dictionaries(parts | {"tool": NAMED}) | JSON, max_size=3) | JSON


ANSWERS = (
    st.fixed_dictionaries(
        {"grants": items({"code": "g"}), "denials": items(DENIAL), "masks": items(MASK)}
    )
    | JSON
)


def is_inside(tool: Tool, endpoint: Endpoint) -> bool:
    """Whether an endpoint's own scope has a tool; said again, in other words than the program's."""
    by_name = {"read": READS, "write": WRITES}
    methods = {m for name in endpoint.methods for m in by_name.get(name, {name})}
    return (
        (not endpoint.methods or tool.method in methods)
        and (not endpoint.tags or any(tag in endpoint.tags for tag in tool.tags))
        and (endpoint.expires_at is None or endpoint.expires_at > NOW)
    )


@given(tool=TOOLS, caller=CALLERS, said=ANSWERS)
def test_no_answer_of_an_engine_allows_a_tool_outside_its_endpoint(tool, caller, said):
    tool = replace(tool, name=TOOL.name)
    made = decided(said, facts(tool, caller=caller))
    if isinstance(made, Decision) and not is_inside(tool, caller.endpoint):
        assert not made.of(tool.name).is_allowed
        assert made.of(tool.name).is_hidden


@given(tool=TOOLS, endpoint=ENDPOINTS)
def test_an_engine_that_allows_everything_allows_just_what_the_endpoint_has(tool, endpoint):
    made = decided(answer(tool=tool.name), facts(tool, caller=replace(READER, endpoint=endpoint)))
    assert isinstance(made, Decision)
    assert made.of(tool.name).is_allowed is is_inside(tool, endpoint)


@given(said=ANSWERS)
def test_a_tool_is_allowed_only_by_a_grant_of_its_own_and_no_denial(said):
    made = decided(said, facts())
    if isinstance(made, Decision) and made.of(TOOL.name).is_allowed:
        assert TOOL.name in [grant["tool"] for grant in said["grants"]]
        assert not {TOOL.name, "*"} & {denial["tool"] for denial in said["denials"]}


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


BAD_ANSWERS: list[Any] = [
    None,
    1,
    [],
    "<undefined>",
    {},
    {"grants": [], "denials": []},
    answer(grants="everything"),
    answer(grants={"everything": True}),
    answer(grants=(1,)),
    answer(grants=(None,)),
    answer(grants=None),
    answer(denials=""),
    answer(denials={}),
    answer(denials=None),
    answer(denials=("no",)),
    answer(denials=({**DENIAL, "code": 1},)),
    answer(denials=({**DENIAL, "tool": None},)),
    answer(denials=({**DENIAL, "message": None},)),
    answer(denials=({k: v for k, v in DENIAL.items() if k != "group"},)),
    answer(masks={}),
    answer(masks=""),
    answer(masks=None),
    answer(masks=(MASK | {"action": "shred"},)),
    answer(masks=(MASK | {"action": ["mask"]},)),
    answer(masks=(MASK | {"pointer": "/x"},)),
    answer(masks=(MASK | {"entity": None},)),
    answer(masks=(MASK | {"entity": "EMIAL"},)),
    answer(masks=(MASK | {"tool": 1},)),
    answer(masks=({"code": "masks.x", "action": "mask"},)),
    answer(masks=({"code": "masks.x", "action": "mask", "pointer": None},)),
    answer(masks=({"code": "masks.x", "action": "mask", "pointer": "name"},)),
    answer(masks=({"action": "mask", "entity": "EMAIL"},)),
]


@pytest.mark.parametrize("said", BAD_ANSWERS, ids=repr)
def test_any_other_form_of_an_answer_is_no_decision(said):
    made = decided(said, facts())
    assert isinstance(made, OrganDown)
    assert made.reason == "policy_malformed"


@pytest.mark.parametrize("said", [answer(grants=()), answer(tool="other"), answer(tool="*")])
def test_a_tool_that_nothing_grants_by_its_name_is_not_allowed(said):
    made = decided(said, facts())
    assert isinstance(made, Decision)
    assert not made.of(TOOL.name).is_allowed
    assert made.of(TOOL.name).is_hidden


def test_a_denial_of_every_tool_denies_each():
    said = answer() | {"denials": [DENIAL | {"tool": "*"}]}
    made = decided(said, facts())
    assert isinstance(made, Decision)
    assert [d.code for d in made.of(TOOL.name).denials] == [DENIAL["code"]]


@pytest.mark.parametrize("own", ["keep", "last4", "pseudonym", "mask", "drop"])
def test_of_several_masks_on_one_thing_the_strictest_holds(own):
    notes = {"code": "masks.x", "pointer": "/notes", "action": "drop"}
    for every in ("keep", "last4", "pseudonym", "mask", "drop"):
        said = answer(masks=(MASK | {"action": own}, notes))
        said["masks"].append(MASK | {"tool": "*", "action": every})
        made = decided(said, facts())
        assert isinstance(made, Decision)
        found = {mask.entity or mask.pointer: mask.action for mask in made.of(TOOL.name).masks}
        assert found == {"EMAIL": strictest(own, every), "/notes": "drop"}
        assert len(made.of(TOOL.name).masks) == 2


def test_a_denial_of_a_strange_group_hides_the_tool():
    made = decided(answer(denials=(DENIAL | {"group": "whatever"},)), facts())
    assert isinstance(made, Decision)
    assert made.of(TOOL.name).is_hidden


def test_a_denial_of_arguments_does_not_hide_the_tool():
    made = decided(answer(denials=(DENIAL | {"group": "arguments"},)), facts())
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


def test_the_masks_of_every_tool_alone_are_kept_for_the_next_decision():
    every, one = ([MASK | {"tool": name}] for name in ("*", TOOL.name))
    for masks, is_kept in ((every, True), (one, False)):
        made = [decided(answer() | {"masks": masks}, facts()) for _ in range(2)]
        first, second = (d.of(TOOL.name).masks[0] for d in made if isinstance(d, Decision))
        assert first == second
        assert (first is second) is is_kept
