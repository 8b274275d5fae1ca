"""Sessions: each belongs to one caller, for a while, and nobody learns whether it exists."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.errors import NotFound
from sidecar.identity import Sessions
from sidecar.model import Caller, Endpoint

ENDPOINT = Endpoint("main", None)
ANN = Caller(ENDPOINT, is_authenticated=True, issuer="i", subject="ann").principal
BEA = Caller(ENDPOINT, is_authenticated=True, issuer="i", subject="bea").principal


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def why(sessions, session_id, principal):
    with pytest.raises(NotFound) as caught:
        sessions.check(session_id, principal)
    assert (caught.value.status, caught.value.public) == (404, NotFound.public)
    return str(caught.value)


def test_a_session_serves_its_own_caller():
    sessions = Sessions()
    sessions.bind("s", ANN)
    sessions.check("s", ANN)
    assert len(sessions) == 1


def test_a_session_of_another_looks_unknown():
    sessions = Sessions()
    sessions.bind("s", ANN)
    assert why(sessions, "s", BEA) == "session_of_another"
    assert why(sessions, "t", BEA) == "session_unknown"
    sessions.check("s", ANN)


def test_a_session_never_changes_hands():
    sessions = Sessions()
    sessions.bind("s", ANN)
    with pytest.raises(NotFound):
        sessions.bind("s", BEA)
    sessions.bind("s", ANN)
    sessions.check("s", ANN)


def test_a_session_ends_some_time_after_its_last_use():
    clock = Clock()
    sessions = Sessions(ttl_s=10, clock=clock)
    sessions.bind("s", ANN)
    clock.now = 9
    sessions.check("s", ANN)
    clock.now = 19
    assert why(sessions, "s", ANN) == "session_expired"
    assert why(sessions, "s", ANN) == "session_unknown"


def test_a_session_that_ran_out_can_be_bound_anew():
    clock = Clock()
    sessions = Sessions(ttl_s=10, clock=clock)
    sessions.bind("s", ANN)
    clock.now = 10
    sessions.bind("s", BEA)
    sessions.check("s", BEA)


def test_the_use_of_another_does_not_prolong_a_session():
    clock = Clock()
    sessions = Sessions(ttl_s=10, clock=clock)
    sessions.bind("s", ANN)
    clock.now = 9
    assert why(sessions, "s", BEA) == "session_of_another"
    clock.now = 10
    assert why(sessions, "s", ANN) == "session_expired"


def test_a_forgotten_session_is_unknown():
    sessions = Sessions()
    sessions.bind("s", ANN)
    sessions.forget("s")
    sessions.forget("s")
    assert why(sessions, "s", ANN) == "session_unknown"


def test_the_longest_unused_session_makes_room():
    sessions = Sessions(capacity=2)
    sessions.bind("a", ANN)
    sessions.bind("b", ANN)
    sessions.check("a", ANN)
    sessions.bind("c", BEA)
    assert why(sessions, "b", ANN) == "session_unknown"
    sessions.check("a", ANN)


class Binding(RuleBasedStateMachine):
    """Whatever happens, a session that passes was bound by the very caller who uses it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.sessions = Sessions(capacity=3, ttl_s=10, clock=self.clock)
        self.owners: dict[str, tuple[str, str, str, str]] = {}

    @rule(session=st.sampled_from("abcde"), who=st.sampled_from([ANN, BEA]))
    def bind(self, session, who):
        try:
            self.sessions.bind(session, who)
        except NotFound:
            assert self.owners[session] != who
        else:
            self.owners[session] = who

    @rule(session=st.sampled_from("abcde"), who=st.sampled_from([ANN, BEA]))
    def check(self, session, who):
        try:
            self.sessions.check(session, who)
        except NotFound:
            return
        assert self.owners[session] == who

    @rule(session=st.sampled_from("abcde"))
    def forget(self, session):
        self.sessions.forget(session)

    @rule(seconds=st.integers(0, 11))
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def is_bounded(self):
        assert len(self.sessions) <= 3


TestBinding = Binding.TestCase
