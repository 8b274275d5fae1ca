"""Which leaves of a tool's records the catalog names: personal data, and values that are safe.

Patterns are JSON pointers relative to one record, `*` for any one key or index. A pattern that
ends at an object or array means everything below it, so a trailing `**` says the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from sidecar.model import Action, PersonalData
from sidecar.redaction.leaves import SMALL, Link
from sidecar.redaction.rules import strictest


@dataclass(frozen=True, slots=True)
class Mark:
    """What the patterns that match one leaf say of it together."""

    entity: str = ""
    action: Action | None = None
    is_safe: bool = False

    def joined(self, other: Mark) -> Mark:
        """Both: this one's entity if it has any, the stricter action."""
        return Mark(
            entity=self.entity or other.entity,
            action=strictest(self.action, other.action),
            is_safe=self.is_safe or other.is_safe,
        )


class Place(NamedTuple):
    """A marked leaf: `container[key]`."""

    container: Any
    key: Any
    link: Link
    mark: Mark


@dataclass(slots=True)
class Node:
    """One step of the patterns' common tree. Built once, read-only afterwards."""

    children: dict[str, Node] = field(default_factory=dict)
    mark: Mark | None = None

    def add(self, segments: list[str], mark: Mark) -> None:
        """Add one pattern below this step."""
        if not segments:
            self.mark = mark if self.mark is None else self.mark.joined(mark)
            return
        self.children.setdefault(segments[0], Node()).add(segments[1:], mark)


class Places(NamedTuple):
    """Keyed by (id of the container, key): valid while the containers live."""

    named: dict[tuple[int, Any], Place]
    """What is marked by an entity or an action, in the order of the patterns."""
    safe: set[tuple[int, Any]]


def _segments(pattern: str) -> list[str]:
    """RFC 6901, section 4: `~1` is undone before `~0`."""
    segments = [s.replace("~1", "/").replace("~0", "~") for s in pattern.split("/")[1:]]
    return segments[:-1] if segments and segments[-1] == "**" else segments


@lru_cache(maxsize=512)
def tree(
    pii: tuple[PersonalData, ...], safe: tuple[str, ...], pointers: tuple[tuple[str, Action], ...]
) -> Node | None:
    """The patterns as a tree; None when there are none."""
    root = Node()
    for data in pii:
        root.add(_segments(data.pattern), Mark(entity=data.entity))
    for text, action in pointers:
        root.add(_segments(text), Mark(action=action))
    for text in safe:
        root.add(_segments(text), Mark(is_safe=True))
    return root if root.children or root.mark else None


def records(root: Any) -> list[tuple[Any, Link]]:
    """The records of a payload with their places below it.

    Each element of the list `result`, or of the payload if that is a list; else the payload
    itself, together with an object `result`. What a platform's envelope of an error holds as
    `raw_response` is the vendor's own body, and read in the same way.
    """
    if isinstance(root, list):
        return _each(root, None)
    inner = root.get("result") if isinstance(root, dict) else None
    if isinstance(inner, list):
        found = _each(inner, (None, "result"))
    else:
        found = [(root, None), *([(inner, (None, "result"))] if isinstance(inner, dict) else [])]
    raw = root.get("raw_response") if isinstance(root, dict) else None
    link: Link = (None, "raw_response")
    return found + (_each(raw, link) if isinstance(raw, list) else [(raw, link)] if raw else [])


def _each(inner: list[Any], link: Link) -> list[tuple[Any, Link]]:
    return [(record, (link, i)) for i, record in enumerate(inner)]


def places(root: Any, node: Node) -> Places:
    """Every leaf of the payload's records that a pattern names."""
    found = Places({}, set())
    for record, link in records(root):
        _walk(record, node, link, found)
    return found


def _walk(value: Any, node: Node, link: Link, found: Places) -> None:
    if node.mark is not None:
        _below(value, node.mark, link, found)
    if isinstance(value, dict):
        _members(value, node, link, found)
    elif isinstance(value, list):
        _elements(value, node, link, found)


def _members(value: dict[str, Any], node: Node, link: Link, found: Places) -> None:
    for name, below in node.children.items():
        if name == "*":
            for key, child in value.items():
                _step(value, key, child, below, link, found)
        elif name in value:
            _step(value, name, value[name], below, link, found)


def _elements(value: list[Any], node: Node, link: Link, found: Places) -> None:
    every = node.children.get("*")
    has_indices = len(node.children) > (every is not None)
    for index, child in enumerate(value):
        if every is not None:
            _step(value, index, child, every, link, found)
        if has_indices and str(index) in node.children:
            _step(value, index, child, node.children[str(index)], link, found)


def _step(container: Any, key: Any, child: Any, node: Node, link: Link, found: Places) -> None:
    if isinstance(child, (dict, list)):
        _walk(child, node, (link, key), found)
    elif node.mark is not None:
        _put(container, key, node.mark, link, found)


def _below(value: Any, mark: Mark, link: Link, found: Places) -> None:
    if not isinstance(value, (dict, list)):
        return
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(child, (dict, list)):
            _below(child, mark, (link, key), found)
        else:
            _put(value, key, mark, link, found)


def _put(container: Any, key: Any, mark: Mark, above: Link, found: Places) -> None:
    at = (id(container), key)
    if mark.is_safe:
        found.safe.add(at)
    if mark.entity or mark.action:
        place = found.named.get(at)
        # The deeper pattern comes later, and names the entity.
        joined = mark if place is None else mark.joined(place.mark)
        found.named[at] = Place(container, key, (above, key), joined)


_SAFE = re.compile(
    r"[A-Za-z0-9_-]{22}|[0-9a-f]{24}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|"
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})|"  # RFC 3339
    r"[A-Z][A-Z_]{0,63}"
)


def has_safe_shape(value: Any) -> bool:
    """An id of Gladly's, a UUID, a time, an UPPER_CASE word or a small integer: no free text."""
    if isinstance(value, str):
        return _SAFE.fullmatch(value) is not None
    return isinstance(value, int) and -SMALL < value < SMALL
