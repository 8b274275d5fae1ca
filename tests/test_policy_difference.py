"""Two verdicts on one question: what turned, in words."""

from __future__ import annotations

from sidecar.model import Action, Denial, Mask, Verdict
from sidecar.policy.comparing.difference import Change, actions, change, refusals

DENIAL = Denial("t", "access.mine", "No.", "Ask.", "access")
ALLOWED = Verdict("t", ("access.methods",))
REFUSED = Verdict("t", ("access.methods",), (DENIAL,))
UNGRANTED = Verdict("t")


def masked(action: Action, entity: str | None = "EMAIL", pointer: str | None = None) -> Verdict:
    return Verdict("t", ("g",), (), (Mask("t", action, "masks.default", entity, pointer),))


def test_the_same_verdict_is_no_change():
    assert change(ALLOWED, ALLOWED) is None
    assert change(masked("mask"), masked("mask")) is None


def test_refused_before_and_after_is_no_change_whoever_refuses():
    assert change(REFUSED, UNGRANTED) is None


def test_what_is_refused_now_is_told_with_who_refuses():
    assert change(ALLOWED, REFUSED) == Change("refused", ("access.mine",))
    assert change(ALLOWED, UNGRANTED) == Change("refused", ("no grant",))


def test_what_is_allowed_now_is_told_with_who_refused():
    assert change(REFUSED, ALLOWED) == Change("allowed", ("was access.mine",))


def test_masks_are_compared_by_what_happens_and_not_by_who_asks():
    assert change(masked("mask"), masked("keep")) == Change("masked", ("EMAIL mask → keep",))
    assert change(ALLOWED, masked("mask")) is None  # what no mask names is masked
    assert change(masked("drop", None, "/a"), ALLOWED) == Change(
        "masked", ("/a drop → as its entity",)
    )


def test_refusals_and_actions_are_read_from_a_verdict():
    assert refusals(REFUSED) == ("access.mine",)
    assert actions(masked("last4")) == {"EMAIL": "last4"}
