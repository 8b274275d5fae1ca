"""Rego that parses, and all the same should not be used: what is not portable, and what runs away.

`problems` is for `sidecar policy check`. `runaway` is its part that may end the process, and is
asked before anything is evaluated, at every start and reload.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sidecar.errors import Problem
from sidecar.policy.checking import cycles, portable
from sidecar.policy.spelling import meant
from sidecar.policy.syntax import Module, literal, nodes, path_of

MAX_RANGE: Final = 10_000
"""Longest list that `numbers.range` may give."""

MAX_COLUMNS: Final = 1000
"""Longest line in characters; the embedded engine refuses from 1025 on."""

_WORDS: Final = "as contains default else every false if import in not null package some true with"
_KEYWORDS: Final = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a built-in: its name, its line, and the nodes it is given."""

    name: str
    line: int
    given: Sequence[Any]


def runaway(modules: Sequence[Module]) -> Iterator[Problem]:
    """Recursion and unbounded ranges: no time limit holds them, and either ends the process."""
    yield from cycles.problems(modules)
    siblings = _siblings(modules)
    for module in modules:
        for call in _calls(module, siblings[module.package]):
            if call.name == "numbers.range" and not _is_bounded(call):
                what = "numbers.range without bounds can use up all memory"
                remedy = f"write both numbers out, at most {MAX_RANGE} apart"
                yield Problem(f"{module.file}:{call.line}", what, remedy)


def problems(modules: Sequence[Module], data: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything outside the portable subset, and what runs away; `data` may hold patterns.

    `modules` are all files of a package: a name that none of them defines is a built-in's.
    """
    yield from runaway(modules)
    siblings = _siblings(modules)
    for module in modules:
        yield from _form(module)
        for call in _calls(module, siblings[module.package]):
            where = f"{module.file}:{call.line}"
            for what, remedy in _faults(call, module, data):
                yield Problem(where, what, remedy)


def is_test(module: Module) -> bool:
    """Whether a file holds tests."""
    return module.file.endswith("_test.rego")


def _siblings(modules: Sequence[Module]) -> dict[tuple[str, ...], set[str]]:
    """The names that each package defines, in whichever file."""
    found: dict[tuple[str, ...], set[str]] = {}
    for module in modules:
        names = found.setdefault(module.package, set())
        names.update(str(rule.path[0]) for rule in module.rules)
    return found


def _calls(module: Module, own: set[str]) -> Iterator[Call]:
    """The calls of what neither the package nor an import defines."""
    for node in nodes(module.tree["rules"]):
        call = node.get("Call")
        if not isinstance(call, dict):
            continue
        path = path_of(call["fcn"])
        root = path[0]
        if root is None or root == "data" or root in own or root in module.aliases:
            continue
        name = ".".join(str(step) for step in path)
        yield Call(name, call["span"]["line"], call["params"])


def _faults(call: Call, module: Module, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if call.name == "print" and is_test(module):
        return
    if call.name not in portable.BUILTINS:
        remedy = portable.instead(call.name) or meant(call.name, portable.BUILTINS)
        yield f"{call.name} is no function that both engines have alike", remedy
    elif call.name in portable.PATTERNS:
        position = portable.PATTERNS[call.name]
        if len(call.given) > position:
            for pattern in _patterns(call.given[position], module, data):
                yield from portable.pattern_faults(pattern)
    elif call.name == "sprintf" and call.given:
        yield from portable.format_faults(literal(call.given[0]) or "")


def _patterns(node: Any, module: Module, data: Mapping[str, Any]) -> Iterator[str]:
    """A pattern that is written out, or those that stand in data where it is read from."""
    written = literal(node)
    if written is not None:
        yield written
    elif node.keys() & {"Var", "RefDot", "RefBrack"}:
        root, *steps = path_of(node)
        path = (root, *steps) if root == "data" else (*module.aliases.get(str(root), ()), *steps)
        if path[:1] == ("data",):
            yield from _texts(_at(data, path[1:]))


def _at(value: Any, steps: Sequence[str | None]) -> Any:
    for step in steps:
        if step is None:
            return value
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _is_bounded(call: Call) -> bool:
    numbers = [node["Number"]["value"] for node in call.given if "Number" in node]
    if len(numbers) != len(call.given) or len(numbers) != 2:  # noqa: PLR2004 - from and to
        return False
    return all(type(n) is int for n in numbers) and abs(numbers[1] - numbers[0]) < MAX_RANGE


def _form(module: Module) -> Iterator[Problem]:
    """What shows without looking at a call."""
    for item in module.tree["imports"]:
        path, where = path_of(item["refr"]), f"{module.file}:{item['span']['line']}"
        if path[0] == "future":
            yield Problem(where, "future keywords are Rego's own today", "take the import away")
        elif path == ("input",):
            yield Problem(where, "input needs no import", "take the import away")
    for number, text in enumerate(module.text.splitlines(), 1):
        if len(text) > MAX_COLUMNS:
            what = f"the line is longer than {MAX_COLUMNS} characters"
            yield Problem(f"{module.file}:{number}", what, "break it")
    for node in nodes(module.tree):
        field = node.get("RefDot", {}).get("field")
        if field and field[1] in _KEYWORDS:
            what = f".{field[1]} is a keyword, which not every engine takes for a name"
            yield Problem(f"{module.file}:{field[0]['line']}", what, f'write ["{field[1]}"]')
