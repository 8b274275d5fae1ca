"""What to do with what is found: the decision's masks, in doubt the stricter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from sidecar.model import Action, Mask
from sidecar.redaction.pseudonyms import NONE, Pseudonyms

_STRICTNESS: Mapping[Action, int] = {name: rank for rank, name in enumerate(get_args(Action))}
SHORTENED = frozenset({"PHONE", "CARD", "SSN", "IBAN", "EXTERNAL_ID", "CUSTOM"})
"""Entities of which last digits may be shown; of a credential or an address none may."""
_FEWEST_DIGITS = 8
_SHOWN = 4


def strictest(one: Action | None, other: Action | None) -> Action | None:
    """The stricter of two actions; nothing is the least strict."""
    if one is None or other is None:
        return one or other
    return _stricter(one, other)


def _stricter(one: Action, other: Action) -> Action:
    return one if _STRICTNESS[one] >= _STRICTNESS[other] else other


@dataclass(frozen=True, slots=True)
class Rules:
    """The masks of one decision. An entity that no mask names is masked."""

    entities: Mapping[str, Action]
    pointers: tuple[tuple[str, Action], ...]
    pseudonyms: Pseudonyms = NONE

    @classmethod
    def of(cls, masks: Sequence[Mask], pseudonyms: Pseudonyms = NONE) -> Rules:
        """Sort the masks; of several on one entity the strictest holds."""
        entities: dict[str, Action] = {}
        pointers: list[tuple[str, Action]] = []
        for mask in masks:
            if mask.entity is not None:
                held = entities.get(mask.entity, mask.action)
                entities[mask.entity] = _stricter(held, mask.action)
            if mask.pointer is not None:
                pointers.append((mask.pointer, mask.action))
        return cls(entities, tuple(sorted(pointers)), pseudonyms)

    def action(self, entity: str) -> Action:
        """What to do with an entity wherever it is found."""
        return self.entities.get(entity, "mask")

    def rendered(self, entity: str, action: Action, raw: str) -> str:
        """The mask that takes a value's place: `[EMAIL]`, `[CARD:…1111]`, `[EMAIL:k1:…]`.

        `last4` is `mask` for a value of fewer than eight digits and for entities that are not
        numbers, `pseudonym` for secrets and where there is no key.
        """
        if action == "last4" and entity in SHORTENED:
            digits = "".join(filter(str.isdecimal, raw))
            if not digits.isascii():
                digits = "".join(str(int(c)) for c in digits)
            if len(digits) >= _FEWEST_DIGITS:
                return f"[{entity}:…{digits[-_SHOWN:]}]"
        token = self.pseudonyms.token(entity, raw) if action == "pseudonym" else None
        return token or f"[{entity}]"
