"""Rules that are defined by themselves: OPA refuses them, the embedded engine runs till it breaks.

The check reads what each rule refers to, so that it needs no evaluation. Where only an evaluation
knows a step (`data.site[name]`) everything that may stand there is meant, as OPA takes it, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sidecar.errors import Problem
from sidecar.policy.syntax import Module, bound, indexes, path_of

Name = tuple[str, ...]
"""A rule, by its steps below `data`."""


def problems(modules: Sequence[Module]) -> Iterator[Problem]:
    """Each knot of rules once, with its shortest way round. The last module is looked at first.

    A site is read after the library, so that the circle is told of the site's rule.
    """
    places: dict[Name, str] = {}
    reads: dict[Name, set[Name]] = defaultdict(set)
    names = _Names(modules)
    for module in reversed(modules):
        for rule, node in zip(module.rules, module.tree["rules"], strict=True):
            name = _known((*module.package, *rule.path))
            places.setdefault(name, f"{module.file}:{rule.line}")
            for path in _read(module, node, names.of_package[module.package]):
                reads[name] |= names.under(path)
    told: set[Name] = set()
    for name, where in places.items():
        circle = _circle(name, reads) if name not in told else ()
        if circle:
            told.update(other for other in _reached(name, reads) if name in _reached(other, reads))
            way = " → ".join(".".join(step) for step in (*circle, name))
            what = f"{'.'.join(name)} is defined by itself ({way}), so it never ends"
            yield Problem(where, what, "write it without the circle; `walk` goes through a tree")


class _Names:
    """What rules there are: by package, and below each path."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.of_package: dict[Name, set[str]] = defaultdict(set)
        self._below: dict[Name, set[Name]] = defaultdict(set)
        self._all: set[Name] = set()
        for module in modules:
            for rule in module.rules:
                name = _known((*module.package, *rule.path))
                self.of_package[module.package].add(str(rule.path[0]))
                self._all.add(name)
                for length in range(len(name) + 1):
                    self._below[name[:length]].add(name)

    def under(self, path: Name) -> set[Name]:
        """The rules that a reference may lead to: below it, or the one it leads into."""
        below = self._below.get(path)
        if below:
            return below
        return {path[:n] for n in range(len(path)) if path[:n] in self._all}


def _known(path: Iterable[str | None]) -> Name:
    """The steps before the first that only an evaluation knows."""
    steps: list[str] = []
    for step in path:
        if step is None:
            break
        steps.append(step)
    return tuple(steps)


def _read(module: Module, rule: Any, siblings: set[str]) -> Iterator[Name]:
    """The paths below `data` that a rule refers to, by whatever name."""
    hidden = set(bound(rule, module.text.encode()))
    inner = next(iter(rule.values()))
    waiting = [inner.get("bodies"), inner.get("value")]
    for head in inner.get("head", {}).values():
        waiting += [*indexes(head["refr"]), head.get("key"), head.get("assign"), head.get("args")]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict) and node.keys() & {"Var", "RefDot", "RefBrack"}:
            yield from _resolved(path_of(node), module, siblings, hidden)
            waiting += indexes(node)
        elif isinstance(node, dict):
            called = node.get("Call")
            if isinstance(called, dict):
                # A function is never a variable of the rule's own.
                yield from _resolved(path_of(called["fcn"]), module, siblings, set())
            # What `with` puts in a place is read; the place itself is not.
            waiting += [value for key, value in node.items() if key != "refr" or "as" not in node]


def _resolved(
    path: tuple[str | None, ...], module: Module, siblings: set[str], hidden: set[str]
) -> Iterator[Name]:
    root = path[0]
    if root == "data":
        yield _known(path[1:])
    elif root is None or root in hidden:
        return
    elif root in module.aliases:
        target = module.aliases[root]
        if target[0] == "data":
            yield _known((*target[1:], *path[1:]))
    elif root in siblings:
        yield _known((*module.package, *path))


def _reached(start: Name, reads: Mapping[Name, set[Name]]) -> set[Name]:
    """All that a rule leads to, itself only if it is one of them."""
    found: set[Name] = set()
    waiting = [start]
    while waiting:
        new = reads.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _circle(start: Name, reads: Mapping[Name, set[Name]]) -> tuple[Name, ...]:
    """The shortest way from a rule back to itself; empty when there is none."""
    came: dict[Name, Name] = {}
    waiting = [start]
    for name in waiting:
        for following in sorted(reads.get(name, ())):
            if following == start:
                way = [name]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return tuple(reversed(way))
            if following not in came:
                came[following] = name
                waiting.append(following)
    return ()
