"""The words and numbers that rules compare with: what an input would have to hold to reach them.

Pure, and a guess: a comparison through a helper or with data is not seen. It serves to make up
inputs, and to find names that nobody knows; nothing is refused by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sidecar.policy.bundle import Mention
from sidecar.policy.syntax import Module, Path, literal, nodes, path_of

Place = tuple[str, ...]
"""Where a value stands below `input`."""

_REFERENCE: Final = frozenset({"Var", "RefDot", "RefBrack"})
_ROLES: Final = ("data", "sidecar", "lib", "query", "roles")
_TAGS: Final = (("tag",), ("tags",))


def compared(modules: Iterable[Module]) -> dict[Place, tuple[Any, ...]]:
    """By place in the input, what is compared with it. A number comes with both its neighbours.

    What is compared with the members of a list comes as a tuple of one.
    """
    found: dict[Place, dict[Any, None]] = {}
    for module in modules:
        for path, value, _ in _pairs(module):
            place = tuple(step for step in path[1:] if step is not None)
            if path[0] == "input" and place:
                values = [(one,) for one in _around(value)] if path[-1] is None else _around(value)
                found.setdefault(place, {}).update(dict.fromkeys(values))
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
    """The tags that rules name, each once for a line: beside what is called `tags` or `tag`."""
    for module in modules:
        told: dict[Mention, None] = {}
        for path, value, line in _pairs(module):
            known = tuple(step for step in path if step is not None)
            # A function may be told by its name which member it is about.
            if isinstance(value, str) and known[-1:] in _TAGS and (value,) not in _TAGS:
                told[Mention("tag", value, f"{module.file}:{line}")] = None
        yield from told


def _around(value: Any) -> Sequence[Any]:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return (value - 1, value, value + 1) if is_number else (value,)


def _pairs(module: Module) -> Iterator[tuple[Path, Any, int]]:
    """What is read beside what is written out, with its line: compared, in `in`, or in one call."""
    for rule in module.tree["rules"]:
        names = dict(module.aliases)
        for node in nodes(rule):
            names |= _named(node, names)
        for node in nodes(rule):
            sides = _sides(node)
            values = [value for side in sides for value in _written(side)]
            for path, line in _read(sides, names) if values else ():
                yield from ((path, value, line) for value in values)


def _sides(node: Mapping[str, Any]) -> Sequence[Any]:
    if "BoolExpr" in node:
        return [node["BoolExpr"]["lhs"], node["BoolExpr"]["rhs"]]
    if isinstance(node.get("Membership"), dict):
        return [node["Membership"]["value"], node["Membership"]["collection"]]
    return node["Call"]["params"] if isinstance(node.get("Call"), dict) else []


def _named(node: Mapping[str, Any], names: Mapping[str, Path]) -> dict[str, Path]:
    """A variable that stands for a place, or for what is in one: `x := input.a`, `some x in …`.

    A tool is always called `tool`, from wherever it comes.
    """
    made = node.get("AssignExpr") or node.get("SomeIn") or {}
    variable = made.get("lhs") or made.get("value") or {}
    for path, _ in _read([made.get("rhs") or made.get("collection")], names):
        if "Var" in variable and variable["Var"]["value"] != "tool":
            member = (None,) if "SomeIn" in node else ()
            return {variable["Var"]["value"]: (*path, *member)}
    return {}


def _read(sides: Iterable[Any], names: Mapping[str, Path]) -> Iterator[tuple[Path, int]]:
    """The places that are read, by themselves or through functions, each with its line."""
    for side in sides:
        if not isinstance(side, dict):
            continue
        if side.keys() & _REFERENCE:
            root, *steps = path_of(side)
            path = (*names.get(str(root), (root,)), *steps)
            roles = path[: len(_ROLES)] == _ROLES
            line = next(iter(side.values()))["span"]["line"]
            yield ("input", "caller", "roles", *path[len(_ROLES) :]) if roles else path, line
        elif isinstance(side.get("Call"), dict):
            given = side["Call"]["params"]
            inner = list(_read(given, names))
            if path_of(side["Call"]["fcn"]) == ("object", "get") and inner:
                steps = [literal(key) for key in _keys(given[1])]
                yield (*inner[0][0], *steps), inner[0][1]
            else:
                yield from inner


def _keys(node: Any) -> Sequence[Any]:
    """The key of an `object.get`, or each of a path."""
    return node["Array"]["items"] if "Array" in node else [node]


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
