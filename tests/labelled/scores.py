"""How well a detector did on labelled texts, and the table of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from labelled.texts import Label, Text
from labelled.values import ENTITY

COVERED = 0.9
"""The share of a value's characters that must be covered for it to count as found."""


class Found(NamedTuple):
    """What a detector says: an entity, from where to where."""

    entity: str
    start: int
    end: int


Detector = Callable[[str], Iterable[Found]]


@dataclass
class Scores:
    """Counts by kind. A hit on nothing wanted is false; a spared value that is touched, damaged."""

    found: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)
    damaged: Counter[str] = field(default_factory=Counter)
    spared: Counter[str] = field(default_factory=Counter)
    misnamed: Counter[str] = field(default_factory=Counter)
    true_hits: int = 0
    false_hits: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, text: Text, hits: list[Found]) -> None:
        """Judge the hits in one text."""
        for hit in hits:
            is_true = any(_overlap(hit, label) for label in text.wanted)
            self.true_hits += is_true
            self.false_hits += not is_true
            if not is_true:
                self.examples.append(
                    f"false {hit.entity}: {text.text[hit.start : hit.end]!r} of {text.text!r}"
                )
        for label in text.wanted:
            self.wanted[label.kind] += 1
            near = [hit for hit in hits if _overlap(hit, label)]
            is_found = sum(_overlap(hit, label) for hit in near) >= COVERED * (
                label.end - label.start
            )
            self.found[label.kind] += is_found
            self.misnamed[label.kind] += is_found and ENTITY[label.kind] not in {
                hit.entity for hit in near
            }
            if not is_found:
                self.examples.append(f"missed {label.kind}: {text.text!r}")
        for label in text.spared:
            self.spared[label.kind] += 1
            self.damaged[label.kind] += any(_overlap(hit, label) for hit in hits)

    @property
    def precision(self) -> float:
        """The share of hits that lie on something wanted."""
        return self.true_hits / max(self.true_hits + self.false_hits, 1)

    @property
    def damage(self) -> float:
        """The share of spared values that were touched."""
        return self.damaged.total() / max(self.spared.total(), 1)

    def recall(self, kind: str) -> float:
        """The share of a kind's values that were found."""
        return self.found[kind] / max(self.wanted[kind], 1)

    def table(self) -> str:
        """All of it, a line for each kind."""
        lines = [f"precision {self.precision:.4f}   look-alikes damaged {self.damage:.4%}"]
        lines += [
            f"{kind:<12} recall {self.recall(kind):.3f} of {count}, named otherwise "
            f"{self.misnamed[kind]}"
            for kind, count in sorted(self.wanted.items())
        ]
        lines += [
            f"{kind:<12} damaged {self.damaged[kind]} of {count}"
            for kind, count in sorted(self.spared.items())
        ]
        return "\n".join(lines)


def _overlap(hit: Found, label: Label) -> int:
    return max(0, min(hit.end, label.end) - max(hit.start, label.start))


def measured(texts: Iterable[Text], detector: Detector) -> Scores:
    """The detector over all texts. Its hits in one text must not overlap."""
    scores = Scores()
    for text in texts:
        scores.add(text, list(detector(text.text)))
    return scores


def table(rows: Mapping[str, float]) -> str:
    """Names and shares, a line each."""
    return "\n".join(f"{name:<14} {share:.3f}" for name, share in rows.items())
