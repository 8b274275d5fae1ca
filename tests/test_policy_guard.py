"""What a new policy would turn: of the last decisions, and of the catalog.

Over 300 lines: what the window keeps and what the guard makes of it is one table of claims.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from engine_parts import NOW, READER, TOOL, Fixed, bundle, facts

from sidecar.errors import OrganDown
from sidecar.model import Decision, Endpoint, Finding
from sidecar.policy import Embedded, Engine, Facts, Guard, Policy, Turned, Window, listed
from sidecar.policy.renewal import guard as module

DENIAL = {"group": "access", "code": "access.x", "message": "m", "remedy": "r"}
TOOLS = tuple(replace(TOOL, name=f"list_{number}") for number in range(10))
CALLS = [facts(tool) for tool in TOOLS for _ in range(2)]


class Allowing:
    """An engine that allows the tools of some names, or all, and counts what it is asked."""

    policy_sha256 = "0" * 64

    def __init__(self, *names: str, but: tuple[str, ...] = ()) -> None:
        self._names = names
        self._but = but
        self.asked: list[dict[str, Any]] = []

    async def evaluate(self, document: dict[str, Any]) -> Any:
        self.asked.append(document)
        names = [tool["name"] for tool in document["tools"]]
        allowed = [name for name in names if self._is_allowed(name)]
        return {
            "grants": [{"tool": name, "code": "g"} for name in names],
            "denials": [DENIAL | {"tool": name} for name in names if name not in allowed],
            "masks": [],
        }

    def _is_allowed(self, name: str) -> bool:
        return name not in self._but and (not self._names or name in self._names)


class Failing:
    """An engine that is broken."""

    policy_sha256 = "0" * 64

    async def evaluate(self, _: dict[str, Any]) -> Any:
        raise OrganDown("broken")


GONE = Decision({}, "9" * 64)
"""By a policy that decides no more: so that what does is asked itself."""

NONE = Allowing("nothing at all")
ALL = Allowing()


def guard(
    *kept: Facts, share: float = 0.2, lists: tuple[Facts, ...] = (), size: int = 500
) -> Guard:
    window = Window(size)
    for each in kept:
        window.keep(each, GONE)
    return Guard(window, share, 5.0, lists)


def judged(made: Guard, live: Engine, new: Engine) -> Turned:
    return asyncio.run(made.judge(live, new))


def test_must_hold_a_valid_policy_that_refuses_everything_is_too_much_and_says_what_it_would_turn():
    made = guard(*CALLS)
    turned = judged(made, ALL, NONE)
    assert made.is_too_much(turned)
    assert str(turned) == "20 of 20 recent decisions (20 newly refused)"


def test_a_policy_that_allows_everything_that_was_refused_is_too_much_as_well():
    made = guard(*CALLS)
    turned = judged(made, NONE, ALL)
    assert made.is_too_much(turned)
    assert str(turned) == "20 of 20 recent decisions (20 newly allowed)"


def test_a_policy_that_turns_nothing_says_so():
    turned = judged(guard(*CALLS), ALL, ALL)
    assert turned == Turned(20, 0, 0)
    assert str(turned) == "0 of 20 recent decisions"


@pytest.mark.parametrize(("refused", "is_held"), [(2, False), (3, True)])
def test_exactly_the_set_share_is_let_pass_and_more_is_not(refused, is_held):
    made = guard(*CALLS)
    turned = judged(made, ALL, Allowing(but=tuple(tool.name for tool in TOOLS[:refused])))
    assert turned.refused == 2 * refused
    assert made.is_too_much(turned) is is_held


def test_a_share_of_one_holds_nothing_back_and_one_of_zero_whatever_turns():
    for share, is_held in ((1.0, False), (0.0, True)):
        made = guard(*CALLS, share=share)
        assert made.is_too_much(judged(made, ALL, NONE)) is is_held
    strict = guard(*CALLS, share=0.0)
    assert not strict.is_too_much(judged(strict, ALL, ALL))


def test_a_list_turns_once_so_much_of_what_it_shows_does():
    shown = replace(facts(*TOOLS), method="tools/list", arguments=None)
    few = Allowing(but=("list_1", "list_2"))
    many = Allowing(but=("list_1", "list_2", "list_3"))
    made = guard(*[shown] * 10, size=100)
    assert judged(made, ALL, few) == Turned(10, 0, 0)
    assert judged(made, ALL, many) == Turned(10, 10, 0)
    assert judged(made, many, ALL) == Turned(10, 0, 10)


def test_what_a_failing_engine_would_be_asked_counts_as_refused():
    assert judged(guard(*CALLS), ALL, Failing()) == Turned(20, 20, 0)
    assert judged(guard(*CALLS), ALL, Fixed({"grants": 5})) == Turned(20, 20, 0)


def test_the_scope_of_an_endpoint_refuses_what_no_policy_could_allow():
    write = replace(TOOL, name="delete_things", method="delete")
    assert judged(guard(*CALLS, *[facts(write)] * 20), ALL, ALL) == Turned(20, 0, 0)


def test_both_are_asked_the_very_document_that_was_decided_on():
    asked = [
        facts(arguments={"id": str(number), "deep": {"a": [1, None, "é"]}}, findings=(finding,))
        for number, finding in enumerate([Finding("EMAIL", "/id", 3)] * 10)
    ]
    live, new = Allowing(), Allowing()
    judged(guard(*asked), live, new)
    assert live.asked == new.asked == [each.document() for each in reversed(asked)]


def test_what_the_live_policy_has_said_itself_is_not_asked_again():
    window, live = Window(500), Allowing(but=("list_1",))
    policy = Policy(live, 5.0, window=window)
    for each in CALLS:
        asyncio.run(policy.decide(each))
    live.asked.clear()
    new = Allowing(but=("list_2", "list_3"))
    assert judged(Guard(window, 0.2, 5.0, ()), live, new) == Turned(20, 4, 2)
    assert live.asked == []


def test_no_more_is_judged_than_there_is_time_for_and_the_newest_first(monkeypatch):
    monkeypatch.setattr(module, "BUDGET", 0.0)
    new = Allowing()
    assert judged(guard(*CALLS), ALL, new).judged == module.FEWEST
    assert new.asked == [each.document() for each in reversed(CALLS[10:])]


def test_with_next_to_no_decisions_the_catalog_is_judged_at_each_declared_endpoint():
    endpoints = [Endpoint("a", None, ("read",)), Endpoint("b", None, ("read",))]
    narrow = Endpoint("c", None, ("read",), tags=("other",))
    lists = listed(TOOLS, [*endpoints, narrow], NOW)
    assert len(lists) == 2
    made = guard(*CALLS[:9], lists=lists)
    turned = judged(made, ALL, NONE)
    assert made.is_too_much(turned)
    assert str(turned) == "10 of 10 tools of the catalog (10 newly refused)"
    assert not made.is_too_much(judged(made, ALL, Allowing(but=("list_1", "list_2"))))


def test_a_caller_who_asks_without_end_hides_from_nobody_what_others_would_be_refused():
    lists, busy = listed(TOOLS, [], NOW), facts(TOOLS[0])
    made = guard(*CALLS, *[busy] * 480, lists=lists)
    turned = judged(made, ALL, Allowing(TOOLS[0].name))
    assert made.is_too_much(turned)
    assert str(turned) == "9 of 10 tools of the catalog (9 newly refused)"


def test_what_both_refuse_tells_nothing_however_often_it_is_asked_for():
    refused = facts(replace(TOOL, name="delete_things", method="delete"))
    made = guard(*CALLS, *[refused] * 400)
    turned = judged(made, ALL, NONE)
    assert made.is_too_much(turned)
    assert str(turned) == "20 of 20 recent decisions (20 newly refused)"


def test_without_a_declared_endpoint_the_catalog_is_judged_at_one_that_offers_everything():
    (shown,) = listed(TOOLS, [], NOW)
    assert shown.caller.endpoint.allowed_methods() >= {"list", "delete", "custom"}
    assert shown.caller.is_authenticated


def test_where_nothing_at_all_was_allowed_nothing_can_turn():
    made = guard(lists=listed(TOOLS, [], NOW), share=0.0)
    assert not made.is_too_much(judged(made, NONE, NONE))


def test_others_are_served_between_any_two_slices(monkeypatch):
    monkeypatch.setattr(module, "SLICE", 0.0)
    longest = served = 0
    live, new = Allowing(), Allowing()

    async def others() -> None:
        nonlocal longest, served
        before = 0
        while True:
            asked = len(live.asked) + len(new.asked)
            longest, before, served = max(longest, asked - before), asked, served + 1
            await asyncio.sleep(0)

    async def both() -> None:
        task = asyncio.create_task(others())
        await guard(*CALLS).judge(live, new)
        task.cancel()

    asyncio.run(both())
    assert len(live.asked) + len(new.asked) == 40
    assert longest == 2
    assert served >= 20


def test_the_last_decisions_are_kept_and_the_oldest_lost():
    window = Window(20)
    for number in range(50):
        window.keep(facts(arguments={"number": number}), GONE)
    kept = [(each.facts.arguments or {})["number"] for each in window.newest()]
    assert kept == list(range(49, 31, -1))


def test_of_what_is_kept_one_in_ten_may_be_a_list():
    window = Window(20)
    for _ in range(50):
        window.keep(replace(facts(*TOOLS), arguments=None), GONE)
    assert len(window) == 2
    for _ in range(50):
        window.keep(facts(), GONE)
    assert len(window) == 20


def test_whatever_callers_send_what_is_kept_of_it_is_no_larger_than_is_said():
    window, size = Window(10_000, 1 << 17), 0
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    for number in range(100):
        arguments: Any = {"deep": [{str(number): []} for _ in range(200)]}
        asked = facts(caller=replace(READER, claims={"n": number}), arguments=arguments)
        asked.document()
        window.keep(asked, GONE)
    del asked, arguments
    gc.collect()
    grown = tracemalloc.take_snapshot().compare_to(before, "filename")
    tracemalloc.stop()
    size = sum(each.size_diff for each in grown)
    assert 10 < len(window) < 100
    assert size < (1 << 17) * 1.2


def test_one_that_is_larger_than_all_there_is_room_for_is_not_kept():
    window = Window(10, 4096)
    window.keep(facts(arguments={"text": "x" * 5000}), GONE)
    assert len(window) == 0


def test_only_what_was_decided_is_kept():
    window = Window(10)

    async def ask(engine: Engine, asked: Facts) -> None:
        policy = Policy(engine, 5.0, window=window)
        await policy.decide(asked)

    asyncio.run(ask(ALL, replace(facts(), tools=())))
    with pytest.raises(OrganDown):
        asyncio.run(ask(Failing(), facts()))
    assert len(window) == 0
    asyncio.run(ask(NONE, facts()))
    assert len(window) == 1


def test_a_decision_that_has_begun_is_told_by_the_engine_that_it_began_with():
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Allowing):
        policy_sha256 = "a" * 64

        async def evaluate(self, document: dict[str, Any]) -> Any:
            begun.set()
            await go_on.wait()
            return await super().evaluate(document)

    async def both() -> None:
        policy = Policy(Slow(), 5.0)
        first = asyncio.create_task(policy.decide(facts()))
        await begun.wait()
        policy.adopt(NONE, ALL)
        assert (policy.engine, policy.candidate) == (NONE, ALL)
        second = await policy.decide(facts())
        go_on.set()
        decision = await first
        assert (decision.policy_sha256, decision.of(TOOL.name).is_allowed) == ("a" * 64, True)
        assert (second.policy_sha256, second.of(TOOL.name).is_allowed) == ("0" * 64, False)

    asyncio.run(both())


def test_real_engines_judge_in_turn_on_the_thread_that_made_them():
    grants = '[{"tool": t.name, "code": "g"} | some t in input.tools]'
    body = f'said := {{"grants": {grants}, "denials": [], "masks": []}}'
    allows = Embedded(bundle(body))
    refuses = Embedded(bundle(body.replace(grants, "[]")))
    assert judged(guard(*CALLS), allows, refuses) == Turned(20, 20, 0)
