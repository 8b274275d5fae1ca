"""What the past of a caller tells rules, and what it forgets."""

from types import SimpleNamespace
from typing import Any

import pytest

from sidecar.model import Caller, Endpoint, Subject, Tool
from sidecar.pipeline import history
from sidecar.pipeline.history import WINDOW, History

GET = Tool("get", effect="read", customer_text=())
FIND = Tool(
    "find", effect="read", customer_text=(), subjects=(Subject("customer", "result", "/id"),)
)
WRITE = Tool("write", effect="write", customer_text=())
READ_TEXT = Tool("read_text", effect="read", customer_text=("/body",))


def who(name: str = "agent") -> Caller:
    return Caller(Endpoint("e", None), is_authenticated=True, subject=name)


def named(*ids: str) -> list[dict[str, Any]]:
    return [{"kind": "customer", "id": i} for i in ids]


@pytest.fixture
def now():
    return SimpleNamespace(at=1000.0)


@pytest.fixture
def past(now):
    return History(lambda: now.at)


def test_a_call_sees_what_was_before_it_and_not_itself(past):
    first, _ = past.enter(who(), WRITE, named("a"))
    second, _ = past.enter(who(), GET, named("a", "b"))
    assert (first["calls"], first["customers"], first["new_customers"]) == (0, 0, 1)
    assert (second["calls"], second["writes"]) == (1, 1)
    assert (second["customers"], second["new_customers"]) == (1, 1)


def test_calls_that_run_at_the_same_time_see_one_another(past):
    told = [past.enter(who(), GET, named(str(i)))[0]["customers"] for i in range(4)]
    assert told == [0, 1, 2, 3]


def test_a_refused_call_leaves_nothing_but_what_was_there_before(past):
    past.enter(who(), GET, named("a"))
    _, refused = past.enter(who(), WRITE, named("a", "b"))
    past.take_back(refused)
    told = past.of(who())
    assert (told["calls"], told["writes"], told["customers"]) == (1, 0, 1)


def test_a_customer_that_a_result_showed_meanwhile_is_not_taken_back(past, now):
    _, refused = past.enter(who(), GET, named("b"))
    now.at += 1
    past.saw(who(), FIND, named("b"))
    past.take_back(refused)
    assert past.of(who())["customers"] == 1


def test_what_a_result_shows_counts_each_customer_once(past):
    past.saw(who(), FIND, [*named("a", "b", "a"), {"kind": "task", "id": "t"}])
    assert past.of(who())["customers"] == 2


def test_a_search_that_names_nobody_may_open_customers_and_a_named_one_does_not(past):
    assert past.enter(who(), FIND, [])[0]["opens_customers"] is True
    assert past.enter(who(), FIND, named("a"))[0]["opens_customers"] is False
    assert past.enter(who(), GET, [])[0]["opens_customers"] is False


def test_reading_a_customers_text_is_told_in_seconds_until_the_hour_is_over(past, now):
    assert past.of(who())["customer_text_seconds"] is None
    past.saw(who(), READ_TEXT, [])
    now.at += 30
    assert past.of(who())["customer_text_seconds"] == 30
    now.at += WINDOW
    assert past.of(who())["customer_text_seconds"] is None


def test_all_of_it_is_forgotten_after_an_hour_and_a_customer_counts_from_the_last_time(past, now):
    past.enter(who(), WRITE, named("a", "b"))
    now.at += WINDOW / 2
    past.enter(who(), GET, named("a"))
    now.at += WINDOW / 2 + 1
    told = past.of(who())
    assert (told["calls"], told["writes"], told["customers"]) == (1, 0, 1)


def test_callers_and_endpoints_have_pasts_of_their_own(past):
    past.enter(who("one"), GET, named("a"))
    elsewhere = Caller(Endpoint("other", None), is_authenticated=True, subject="one")
    assert past.of(who("two"))["calls"] == past.of(elsewhere)["calls"] == 0


def test_it_is_bounded_in_callers_and_in_customers(past, now, monkeypatch):
    monkeypatch.setattr(history, "MOST", 3)
    for i in range(9):
        past.saw(who(), FIND, named(str(i)))
    assert past.of(who())["customers"] == 3
    for i in range(9):
        past.of(who(str(i)))
    assert len(past._pasts) == 3
    _, lost = past.enter(who("gone"), GET, named("a"))
    past._pasts.clear()
    past.take_back(lost)
    assert not past._pasts
