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

_ENVELOPES = 2
"""Levels below a record that are looked at where the record itself has nothing."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the patterns that match one leaf say of it together."""

    entity: str = ""
    action: Action | None = None

    def joined(self, other: Mark) -> Mark:
        """Both: this one's entity if it has any, the stricter action."""
        return Mark(self.entity or other.entity, strictest(self.action, other.action))


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


Places = dict[tuple[int, Any], Place]
"""Marked leaves in the order of the patterns, by (id of the container, key): valid while the
containers live."""


class Tree(NamedTuple):
    """The patterns of one tool and decision: two trees, for what is safe is asked for seldom."""

    named: Node | None
    """What is marked by an entity or an action."""
    safe: Node | None


def _segments(pattern: str) -> list[str]:
    """RFC 6901, section 4: `~1` is undone before `~0`."""
    segments = [s.replace("~1", "/").replace("~0", "~") for s in pattern.split("/")[1:]]
    return segments[:-1] if segments and segments[-1] == "**" else segments


@lru_cache(maxsize=512)
def tree(
    pii: tuple[PersonalData, ...], safe: tuple[str, ...], pointers: tuple[tuple[str, Action], ...]
) -> Tree:
    """The patterns as trees."""
    marked = [(data.pattern, Mark(entity=data.entity)) for data in pii]
    marked += [(text, Mark(action=action)) for text, action in pointers]
    return Tree(_grown(marked), _grown([(text, Mark()) for text in safe]))


def _grown(marked: list[tuple[str, Mark]]) -> Node | None:
    root = Node()
    for text, mark in marked:
        root.add(_segments(text), mark)
    return root if marked else None


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


def places(root: Any, node: Node | None) -> Places:
    """Every leaf of the payload's records that a pattern names; None names nothing.

    Where a record has nothing that a pattern names it is taken for an envelope of another
    platform's, and what is in it for records: `{"data": {"customers": [...]}}`.
    """
    found: Places = {}
    if node is None:
        return found
    for record, link in reversed(records(root)):  # the payload itself last
        if link is None and found:
            _walk(record, node, link, found)
        else:
            _unwrap(record, node, link, found)
    return found


def _unwrap(record: Any, node: Node, link: Link, found: Places) -> None:
    """Walk a record, or else the nearest level below it at which a pattern names something."""
    level = [(record, link)]
    for _ in range(_ENVELOPES + 1):
        own: Places = {}
        for value, above in level:
            _walk(value, node, above, own)
        for at, place in own.items():
            _join(at, place, found)
        if own:
            return
        level = [inner for value, above in level for inner in _inner(value, above)]


def _inner(value: Any, link: Link) -> list[tuple[Any, Link]]:
    """The containers in one; the elements of a list are as near as the list itself."""
    if type(value) is not dict:
        return _containers(value, link) if type(value) is list else []
    below = _containers(value, link)
    lists = [each for each in below if type(each[0]) is list]
    return below + [inner for each, place in lists for inner in _containers(each, place)]


def _containers(value: Any, link: Link) -> list[tuple[Any, Link]]:
    items = value.items() if type(value) is dict else enumerate(value)
    return [(child, (link, key)) for key, child in items if type(child) in (dict, list)]


def _walk(value: Any, node: Node, link: Link, found: Places) -> None:
    if node.mark is not None:
        _below(value, node.mark, link, found)
    if type(value) is dict:
        _members(value, node, link, found)
    elif type(value) is list:
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
    if type(child) is dict or type(child) is list:
        if child:
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
    _join((id(container), key), Place(container, key, (above, key), mark), found)


def _join(at: tuple[int, Any], place: Place, found: Places) -> None:
    # The deeper pattern comes later, and names the entity.
    known = found.get(at)
    found[at] = place if known is None else place._replace(mark=place.mark.joined(known.mark))


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
