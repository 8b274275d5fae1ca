"""METADATA above packages and rules: what it says, and where it is missing.

The engine drops comments, so they are read from the source. What a rule says and what its METADATA
says are two texts; a reviewer reads the second, a caller the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import yaml

from sidecar.errors import Problem
from sidecar.policy.syntax import Module, Rule, fields, literal

_HEAD: Final = "# METADATA"
_SETS: Final = ("grant", "deny", "mask")
_NEEDED: Final = ("title", "description")
_CUSTOM: Final = {"grant": ("code",), "deny": ("code", "message", "remedy"), "mask": ("code",)}
_EXAMPLE: Final = "see the example in policies/README.md"


def blocks(text: str) -> dict[int, dict[str, Any]]:
    """The METADATA of a source, by the line that it stands above; {} for what is no YAML object."""
    found: dict[int, dict[str, Any]] = {}
    block: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if block is None:
            block = [] if line.rstrip() == _HEAD else None
        elif line.startswith("#"):
            block.append(line[1:].removeprefix(" "))
        else:
            found[number] = _object("\n".join(block))
            block = None
    return found


def problems(modules: Sequence[Module]) -> Iterator[Problem]:
    """What is missing above the packages of rules and the sets that they give."""
    for module in modules:
        if module.package[1:2] != ("rules",):
            continue
        said = blocks(module.text)
        yield from _missing(module, module.line, "the package", said.get(module.line))
        for kind in _SETS:
            given = [rule for rule in module.rules if rule.path == (kind,)]
            if given:
                yield from _set(module, kind, given, said)


def _object(text: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return value if isinstance(value, dict) else {}


def _missing(
    module: Module, line: int, name: str, block: dict[str, Any] | None
) -> Iterator[Problem]:
    where = f"{module.file}:{line}"
    if block is None:
        yield Problem(where, f"{name} has no METADATA", _EXAMPLE)
    elif missing := [key for key in _NEEDED if not isinstance(block.get(key), str)]:
        yield Problem(where, f"the METADATA of {name} has no {' and no '.join(missing)}", _EXAMPLE)


def _set(
    module: Module, kind: str, given: Sequence[Rule], said: dict[int, dict[str, Any]]
) -> Iterator[Problem]:
    """One block is enough for a set that several definitions fill."""
    line = next((rule.line for rule in given if rule.line in said), given[0].line)
    block = said.get(line)
    yield from _missing(module, line, kind, block)
    if block is None:
        return
    custom = block.get("custom")
    custom = custom if isinstance(custom, dict) else {}
    if missing := [key for key in _CUSTOM[kind] if not isinstance(custom.get(key), str)]:
        what = f"the METADATA of {kind} has no custom {' and no '.join(missing)}"
        yield Problem(f"{module.file}:{line}", what, _EXAMPLE)
    for rule in given:
        code = literal((fields(rule.term) or {}).get("code"))
        if code and isinstance(custom.get("code"), str) and code != custom["code"]:
            what = f"{kind} says the code {code}, and its METADATA {custom['code']}"
            yield Problem(f"{module.file}:{rule.line}", what, "write the same code twice")
