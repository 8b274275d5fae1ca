"""Patterns of the operator's own: what this organisation takes for personal data.

They are matched by RE2, whose time is linear whatever the pattern, against the text of one leaf at
a time, so `^` and `$` mean its ends. They are set for the whole process, as where its log goes is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from sidecar.redaction.recogniser import Budget, Recogniser, Span, pattern


class OwnPattern(NamedTuple):
    """One pattern of RE2's syntax, and the entity that it finds. It must match some character."""

    pattern: str
    entity: str = "CUSTOM"


_ANCHOR = re.compile(
    r"(\\Q.*?(?:\\E|\Z)|\\[^AzbB]|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])|\\[AzbB]|[\^$]",
    re.DOTALL,
)


def without_anchors(text: str) -> str:
    r"""The pattern without `^`, `$`, `\A`, `\z`, `\b`: it matches wherever the pattern does."""
    return _ANCHOR.sub(lambda m: m[1] or "(?:)", text)


def _recogniser(own: OwnPattern) -> Recogniser:
    compiled = pattern(own.pattern)

    def find(data: bytes, budget: Budget | None = None) -> list[Span]:
        budget = budget or Budget()
        found: list[Span] = []
        for m in compiled.finditer(data):
            budget.spend()
            if m.group().strip(b"\x00"):  # nothing, or masks alone
                found.append(Span(own.entity, *m.span()))
        return found

    return Recogniser(own.entity, without_anchors(own.pattern), find)


class Own:
    """The operator's recognisers, and one gate for all of them. Empty until it is filled."""

    def __init__(self) -> None:
        self.recognisers: tuple[Recogniser, ...] = ()
        self._gate: Any = None

    def fill(self, patterns: Iterable[OwnPattern]) -> None:
        """Take these in the place of those before.

        Raises:
            re2.error: one is no pattern of RE2's.
        """
        recognisers = tuple(_recogniser(own) for own in patterns)
        gate = pattern("|".join(f"(?:{r.gate})" for r in recognisers)) if recognisers else None
        self.recognisers, self._gate = recognisers, gate

    def next(self, data: bytes, position: int = 0) -> int:
        """Where the next hit of the gate starts; the length of the data when there is none."""
        hit = self._gate.search(data, position) if self._gate is not None else None
        return len(data) if hit is None else int(hit.start())

    def is_suspect(self, data: bytes) -> bool:
        """Whether one of the patterns may match in a text."""
        return self._gate is not None and self._gate.search(data) is not None

    def is_suspect_document(self, data: bytes) -> bool:
        """The same of JSON text, in which escapes stand for what a pattern may name."""
        return self._gate is not None and (b"\\" in data or self._gate.search(data) is not None)


OWN = Own()
"""Those of this process."""


def use(patterns: Iterable[tuple[str, str]]) -> None:
    """Find what these patterns match from now on, in all that is scanned, masked or logged.

    Each is a pattern of RE2's and the entity that it finds. They take the place of those before.

    Raises:
        re2.error: one is no pattern of RE2's.
    """
    OWN.fill(OwnPattern(*each) for each in patterns)
