"""Which lines of which rules were reached. Pure: the engine counts, this adds up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sidecar.policy.syntax import Module

Lines = Mapping[str, tuple[frozenset[int], frozenset[int]]]
"""By file, the lines that an evaluation reached, and those that it did not."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One definition of a rule: its name below `data`, where it stands, and its lines."""

    name: str
    file: str
    line: int
    reached: frozenset[int]
    missed: frozenset[int]


def rules(modules: Sequence[Module], lines: Lines) -> Iterator[Covered]:
    """Each definition that has lines to reach, in the order of its file."""
    for module in modules:
        reached, missed = lines.get(module.file, (frozenset(), frozenset()))
        ends = [rule.line for rule in module.rules[1:]]
        for rule, end in zip(module.rules, [*ends, max({*reached, *missed, 0}) + 1], strict=True):
            mine = range(rule.line, end)
            name = ".".join(map(str, (*module.package, *rule.path)))
            found = Covered(
                name,
                module.file,
                rule.line,
                frozenset(reached.intersection(mine)),
                frozenset(missed.intersection(mine)),
            )
            if found.reached or found.missed:
                yield found


def share(found: Sequence[Covered]) -> float:
    """Percent of the lines that were reached; 100 of none."""
    reached = sum(len(one.reached) for one in found)
    lines = reached + sum(len(one.missed) for one in found)
    return 100 * reached / lines if lines else 100.0


def ranges(lines: frozenset[int]) -> str:
    """Lines as people write them, `3, 7-9`."""
    parts: list[list[int]] = []
    for line in sorted(lines):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in parts)
