"""Rules that say nothing, whatever is asked: found by asking.

A definition has spoken once its head was evaluated: the engine comes there only when the body
holds. Head and body may share a line, so that each body is moved to a line of its own first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sidecar.errors import ConfigError, Problem
from sidecar.model import JsonObject
from sidecar.policy.bundle import Bundle
from sidecar.policy.embedded import Probe
from sidecar.policy.syntax import Module

_SETS: Final = ("grant", "deny", "mask")
_BATCH: Final = 100
"""Documents between two looks at what was reached."""

_MOST: Final = 20
"""Failed evaluations after which no more is asked: each costs a new engine."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition of a rule's set: the rule's name, its file and line, and the head's own."""

    rule: str
    file: str
    line: int
    head: int


def silent(
    bundle: Bundle,
    modules: Sequence[Module],
    documents: Sequence[JsonObject],
    variants: Sequence[JsonObject],
    told: Callable[[int], None],
) -> tuple[list[Definition], list[Problem]]:
    """Ask the rules of these modules about documents and variants until each has spoken.

    Gives the definitions that never did, and the evaluations of documents that failed: a variant is
    made up, and need not be one that there could be. `told` gets how many were asked about.
    """
    moved, waiting = {}, []
    for module in modules:
        text, found = _apart(module)
        moved[module.file] = text
        waiting += found
    texts = tuple((name, moved.get(name, text)) for name, text in bundle.modules)
    probe = Probe(replace(bundle, modules=texts))
    failed: list[Problem] = []
    failures = 0
    spoken: set[str] = set()
    for number, document in enumerate((*documents, *variants), 1):
        for rule in dict.fromkeys(definition.rule for definition in waiting):
            try:
                probe.put(document)
                if probe.ask(f"data.{rule}")[0]:
                    spoken.add(rule)
            except ConfigError as error:
                failures += 1
                failed += error.problems if number <= len(documents) else ()
        told(number)
        if number % _BATCH == 0:
            waiting = _left(waiting, spoken, probe)
        if not waiting or failures >= _MOST:
            break
    return _left(waiting, spoken, probe), list(dict.fromkeys(failed))


def _left(waiting: Sequence[Definition], spoken: set[str], probe: Probe) -> list[Definition]:
    """Who has not spoken yet."""
    lines = probe.lines()
    return [
        one
        for one in waiting
        if one.rule not in spoken or one.head not in lines.get(one.file, (frozenset(),))[0]
    ]


def _apart(module: Module) -> tuple[str, list[Definition]]:
    """The source with a line break before each body, and the definitions of sets."""
    source = module.text.encode()
    breaks: list[int] = []
    heads: list[tuple[str, int, int, int]] = []
    for rule, node in zip(module.rules, module.tree["rules"], strict=True):
        if rule.path not in {(kind,) for kind in _SETS} or rule.kind == "function":
            continue
        spec = node.get("Spec", {})
        breaks += (body["query"]["span"]["start"] for body in spec.get("bodies", ()))
        span = next(iter(rule.term.values()))["span"] if rule.term else spec["span"]
        name = ".".join((*module.package, str(rule.path[0])))
        heads.append((name, rule.line, span["line"], span["start"]))
    text = source
    for offset in sorted(breaks, reverse=True):
        text = text[:offset] + b"\n" + text[offset:]
    return text.decode(), [
        Definition(name, module.file, line, head + sum(b <= start for b in breaks))
        for name, line, head, start in heads
    ]
