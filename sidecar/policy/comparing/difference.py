"""Two verdicts on the same question: what turned, and which masks did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sidecar.model import ENTITIES, Action, Verdict

Turn = Literal["allowed", "refused", "masked"]
"""What a question becomes: newly allowed, newly refused, or answered with other masks."""

_IF_UNNAMED: Final[Action] = "mask"
"""What happens to an entity that no mask names."""


@dataclass(frozen=True, slots=True)
class Change:
    """What turned, and in words why: codes that deny or grant now, or `EMAIL mask → keep`."""

    turn: Turn
    why: tuple[str, ...]


def change(old: Verdict, new: Verdict) -> Change | None:
    """What a new verdict turns of an old one; None when the caller would notice nothing.

    Refused before and after is no change, whichever rule refuses.
    """
    if old.is_allowed and not new.is_allowed:
        return Change("refused", refusals(new))
    if new.is_allowed and not old.is_allowed:
        return Change("allowed", tuple(f"was {code}" for code in refusals(old)))
    if not new.is_allowed:
        return None
    before, after = actions(old), actions(new)
    places = sorted(before.keys() | after.keys())
    turned = tuple(
        f"{place} {_action(before, place)} → {_action(after, place)}"
        for place in places
        if _action(before, place) != _action(after, place)
    )
    return Change("masked", turned) if turned else None


def refusals(verdict: Verdict) -> tuple[str, ...]:
    """The codes that refuse; without any, that nothing grants."""
    codes = sorted({denial.code for denial in verdict.denials})
    return tuple(codes) if codes else ("no grant",)


def actions(verdict: Verdict) -> Mapping[str, Action]:
    """What happens to each entity or pointer that a mask names."""
    return {mask.entity or mask.pointer or "": mask.action for mask in verdict.masks}


def _action(masks: Mapping[str, Action], place: str) -> str:
    return masks.get(place) or (_IF_UNNAMED if place in ENTITIES else "as its entity")
