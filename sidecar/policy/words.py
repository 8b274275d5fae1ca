"""The words and numbers that rules compare with: what an input would have to hold to reach them.

Pure, and a guess: a comparison through a helper or with data is not seen. It serves to make up
inputs, and to find names that nobody knows; nothing is refused by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sidecar.policy.bundle import Mention
from sidecar.policy.syntax import Module, Path, literal, nodes, path_of

Place = tuple[str, ...]
"""Where a value stands below `input`."""

_REFERENCE: Final = frozenset({"Var", "RefDot", "RefBrack"})
_ROLES: Final = ("data", "sidecar", "lib", "query", "roles")
_TAGS: Final = (("tool", "tags"), ("input", "endpoint", "tags"))


def compared(modules: Iterable[Module]) -> dict[Place, tuple[Any, ...]]:
    """By place in the input, what is compared with it. A number comes with both its neighbours."""
    found: dict[Place, dict[Any, None]] = {}
    for module in modules:
        for reference, value in _pairs(module):
            path = _resolved(reference, module)
            if path[:1] == ("input",) and len(path) > 1:
                place = tuple(step for step in path[1:] if step is not None)
                found.setdefault(place, {}).update(dict.fromkeys(_around(value)))
    return {place: tuple(values) for place, values in found.items()}


def texts(modules: Iterable[Module], data: Any) -> tuple[str, ...]:
    """Every text that rules or data hold, in their order."""
    found: dict[str, None] = {}
    for module in modules:
        for node in nodes(module.tree["rules"]):
            text = literal(node)
            if text is not None:
                found[text] = None
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found[value] = None
        elif isinstance(value, Mapping):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
    return tuple(found)


def tags(modules: Iterable[Module]) -> Iterator[Mention]:
    """The tags that rules name, each once for a line: beside `tool.tags`, or a variable `tag`."""
    for module in modules:
        told: dict[Mention, None] = {}
        for reference, value in _pairs(module):
            path = tuple(step for step in _resolved(reference, module) if step is not None)
            if isinstance(value, str) and (path in _TAGS or path == ("tag",)):
                line = next(iter(reference.values()))["span"]["line"]
                told[Mention("tag", value, f"{module.file}:{line}")] = None
        yield from told


def _around(value: Any) -> tuple[Any, ...]:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return (value - 1, value, value + 1) if is_number else (value,)


def _resolved(reference: Mapping[str, Any], module: Module) -> Path:
    root, *steps = path_of(reference)
    path = (*module.aliases.get(str(root), (root,)), *steps)
    return ("input", "caller", "roles", *path[5:]) if path[:5] == _ROLES else path


def _pairs(module: Module) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """References beside what is written out: in a comparison, in `in`, or given to one call."""
    for node in nodes(module.tree["rules"]):
        sides: list[Any] = []
        if "BoolExpr" in node:
            sides = [node["BoolExpr"]["lhs"], node["BoolExpr"]["rhs"]]
        elif isinstance(node.get("Membership"), dict):
            sides = [node["Membership"]["value"], node["Membership"]["collection"]]
        elif isinstance(node.get("Call"), dict):
            sides = node["Call"]["params"]
        references = [side for side in sides if isinstance(side, dict) and side.keys() & _REFERENCE]
        for value in (value for side in sides for value in _written(side)):
            yield from ((reference, value) for reference in references)


def _written(node: Any) -> Iterator[Any]:
    """The constants that a node is, or that it lists."""
    if not isinstance(node, dict):
        return
    for kind in ("String", "RawString", "Number"):
        if kind in node:
            yield node[kind]["value"]
    if "Bool" in node:
        yield node["Bool"]["value"] in {True, "true"}
    for kind in ("Set", "Array"):
        for item in node.get(kind, {}).get("items", ()):
            yield from _written(item)
