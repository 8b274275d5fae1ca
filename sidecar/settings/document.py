"""A settings file as plain values, with the line on which each stands.

Scalars stay text, as in the environment, so that both read alike: `no` is the text "no" until a
setting wants a yes or no. A key without a value counts as not set. Aliases and tags are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sidecar.errors import ConfigError, Problem

Place = tuple[str | int, ...]

_NULL = "tag:yaml.org,2002:null"
_PLAIN_TAG = re.compile(r"tag:yaml\.org,2002:(str|null|bool|int|float|timestamp|value|seq|map)")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(slots=True)
class Document:
    """What a file says: values, the line of each place, and what is wrong with it."""

    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(path: Path) -> Document:
    """Read a settings file.

    Raises:
        ConfigError: It is missing, unreadable, not YAML, or not one mapping.
    """
    root = _root(path)
    document = Document(name=path.name, lines={(): 1})
    if root is None:
        return document
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError([Problem(path.name, "is not a mapping of sections", "listen: ...")])
    document.values = _Walk(document).value(root, ())
    return document


def dotted(place: Place) -> str:
    """Write a place as people do: `endpoints[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def shown(key: str) -> str:
    """A key as it may be repeated: text that cannot be a setting's name may be a secret."""
    return key if _KEY.fullmatch(key) else "…"


def _root(path: Path) -> yaml.Node | None:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), what, "name an existing settings file")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), "is not UTF-8 text")]) from None
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        what = f"is not YAML: {_QUOTED.sub(_unquoted, error.problem or 'cannot be parsed')}"
        raise ConfigError([Problem(f"{path.name}{line}", what, "check indentation")]) from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigError([Problem(path.name, "is not YAML")]) from None


def _unquoted(match: re.Match[str]) -> str:
    """Keep quoted punctuation and token kinds (`<scalar>`); anything else may be a value."""
    text = match.group(1)
    is_ours = not any(c.isalnum() for c in text) or re.fullmatch(r"<[a-z ]+>", text)
    return match.group(0) if is_ours else "'…'"


class _Walk:
    """One pass over the nodes of a file. Aliases are refused, so each node is met once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._met: set[int] = set()

    def value(self, node: yaml.Node, place: Place) -> Any:
        """The plain value of a node; what is wrong below it is noted, not raised."""
        self._document.lines.setdefault(place, node.start_mark.line + 1)
        if id(node) in self._met:
            self._note(node, place, "is an alias", "write the value again")
            return None
        self._met.add(id(node))
        if not _PLAIN_TAG.fullmatch(node.tag):
            self._note(node, place, "has a tag", "write a plain value")
            return None
        if isinstance(node, yaml.MappingNode):
            return dict(self._members(node, place))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, i)) for i, item in enumerate(node.value)]
        return None if node.tag == _NULL else node.value

    def _members(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(key_node, place, "has a key that is no text")
                continue
            key = str(key_node.value)
            below = (*place, key)
            if key in seen:
                self._note(key_node, below, "is set twice", "keep one")
            seen.add(key)
            self._document.lines[below] = key_node.start_mark.line + 1
            if (value := self.value(value_node, below)) is not None or not _KEY.fullmatch(key):
                yield key, value

    def _note(self, node: yaml.Node, place: Place, what: str, remedy: str = "") -> None:
        line = node.start_mark.line + 1
        path = dotted(tuple(shown(p) if isinstance(p, str) else p for p in place))
        where = f"{self._document.name}:{line} {path}".rstrip()
        self._document.problems.append(Problem(where, what, remedy))
