"""A data file to JSON values: only what JSON can hold, and no key twice.

OPA and the embedded engine must see the same data, so whatever YAML makes of a text beyond JSON (a
date, a set, bytes, a number as a key) is refused rather than converted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sidecar.errors import Problem

_INT64 = range(-(2**63), 2**63)
_SCALARS = (str, bool, int, float, type(None))

_DEEPEST = 64
"""Levels of objects and lists; the engine reads no more than 128."""

_MOST = 200_000
"""Values of a file, aliases written out: a few of them can stand for more than memory holds."""

_LONGEST_NUMBER = 40
"""Characters; YAML's numbers to the base of 60 take a time that grows with the square of that."""


class _TwiceError(ValueError):
    """A key stands twice in one object."""


class _Loader(yaml.SafeLoader):
    """Standard YAML, but a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _unusable("a key is not a text", key)
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len({repr(key) for key in keys}) != len(keys):
            raise _unusable("a key stands twice", node)
        return super().construct_mapping(node, deep=deep)

    def construct_scalar(self, node: Any) -> Any:
        if node.tag.endswith((":int", ":float")) and len(node.value) > _LONGEST_NUMBER:
            raise _unusable("a number is too long; put it in quotes", node)
        return super().construct_scalar(node)


def _unusable(what: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def parse(path: Path, text: str, problems: list[Problem]) -> dict[str, Any]:
    """Read the text of a data file; whatever is wrong is added to `problems`, and {} given."""
    try:
        value = _json(text) if path.suffix == ".json" else yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
        _check(value)
    except json.JSONDecodeError as error:
        problems.append(Problem(f"{path}:{error.lineno}", f"not valid JSON: {error.msg}"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.append(Problem(f"{path}:{line}", f"not valid YAML: {error.problem}"))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error) if type(error) in {ValueError, _TwiceError} else "cannot be read"
        problems.append(Problem(f"{path}:1", f"not valid data: {reason}"))
    else:
        if isinstance(value, dict):
            return value
        problems.append(Problem(f"{path}:1", "policy data must be an object"))
    return {}


def line(text: str, keys: Sequence[str]) -> int:
    """The line on which the last of nested keys stands; the first that is not there ends the way.

    An item of a list has its number, from 0 on, for a key.

    JSON is read as YAML, which it is but for tabs; what cannot be read so has line 1.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        return 1
    found = 1
    for key in keys:
        held = next((found for found in _members(node) if found[0] == key), None)
        if held is None:
            break
        _, found, node = held
    return found


def _members(node: yaml.Node | None) -> Iterator[tuple[str, int, yaml.Node]]:
    """The keys of an object and the numbers of a list, the line of each, and what stands there."""
    if isinstance(node, yaml.MappingNode):
        yield from ((str(k.value), k.start_mark.line + 1, v) for k, v in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(i), v.start_mark.line + 1, v) for i, v in enumerate(node.value))


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError("a key stands twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _check(value: Any) -> None:
    """Refuse what JSON cannot hold, wherever it stands, and more than an engine can."""
    waiting, seen = [(value, 0)], 0
    while waiting:
        one, depth = waiting.pop()
        seen += 1
        if seen > _MOST:
            raise ValueError(f"it holds more than {_MOST} values")
        if depth > _DEEPEST:
            raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
        if isinstance(one, dict):
            if not all(isinstance(key, str) for key in one):
                raise ValueError("a key is not a text; put it in quotes")
            waiting.extend((inner, depth + 1) for inner in one.values())
        elif isinstance(one, list):
            waiting.extend((inner, depth + 1) for inner in one)
        elif not isinstance(one, _SCALARS):
            raise ValueError(f"a {type(one).__name__} is not JSON; put it in quotes")  # noqa: TRY004 - the file's fault, told as a problem
        else:
            _check_scalar(one)


def _check_scalar(value: Any) -> None:
    if isinstance(value, str):
        value.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    elif isinstance(value, float) and value - value != 0:
        raise ValueError("NaN and Infinity are not JSON")
    elif isinstance(value, int) and value not in _INT64:
        raise ValueError("an integer exceeds 64 bits")
