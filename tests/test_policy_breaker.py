"""What does not answer is left alone for a while, and tried by one before all come back."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.errors import OrganDown
from sidecar.policy.opa.breaker import Breaker, Down


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ask(breaker: Breaker, error: BaseException | None = None) -> str:
    """One attempt, that ends as said: `answered`, `failed`, or `refused` without being asked."""
    was_asked = False
    try:
        with breaker.attempt():
            was_asked = True
            if error is not None:
                raise error
    except (OrganDown, asyncio.CancelledError, KeyError):
        return "failed" if was_asked else "refused"
    return "answered"


def opened(clock: Clock) -> Breaker:
    """A breaker that three failures have opened."""
    breaker = Breaker("it", failures=3, pause=2.0, clock=clock)
    for _ in range(3):
        assert ask(breaker, Down()) == "failed"
    return breaker


def test_it_opens_after_failures_in_a_row_and_then_asks_nobody():
    breaker = opened(Clock())
    assert breaker.is_open
    assert ask(breaker) == "refused"


def test_a_success_in_between_begins_the_count_anew():
    breaker = Breaker("it", failures=2, clock=Clock())
    for _ in range(3):
        assert ask(breaker, Down()) == "failed"
        assert ask(breaker) == "answered"
    assert not breaker.is_open


@pytest.mark.parametrize("error", [OrganDown(), KeyError(), asyncio.CancelledError()])
def test_nothing_but_down_counts_as_a_failure(error):
    breaker = Breaker("it", failures=1, clock=Clock())
    assert ask(breaker, error) == "failed"
    assert not breaker.is_open


def test_after_the_pause_one_probe_decides_for_all():
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.9
    assert ask(breaker) == "refused"
    clock.now += 0.1
    with breaker.attempt() as is_probe:
        assert is_probe
        assert ask(breaker) == "refused"
    assert not breaker.is_open
    with breaker.attempt() as is_probe:
        assert not is_probe


def test_a_probe_in_vain_begins_the_pause_anew():
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.0
    assert ask(breaker, Down()) == "failed"
    clock.now += 1.9
    assert ask(breaker) == "refused"
    clock.now += 0.1
    assert ask(breaker) == "answered"


def test_a_probe_that_is_broken_off_makes_room_for_the_next():
    clock = Clock()
    breaker = opened(clock)
    clock.now += 2.0
    assert ask(breaker, asyncio.CancelledError()) == "failed"
    assert breaker.is_open
    assert ask(breaker) == "answered"


def test_those_who_were_asked_before_it_opened_do_not_put_off_the_probe():
    clock = Clock()
    breaker = Breaker("it", failures=1, pause=2.0, clock=clock)

    def late() -> None:
        with breaker.attempt():
            assert ask(breaker, Down()) == "failed"
            clock.now += 2.0
            raise Down

    with pytest.raises(Down):
        late()
    assert ask(breaker) == "answered"
