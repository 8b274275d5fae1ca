"""See personal data in what a caller sends, for policy to judge. Nothing is changed."""

from __future__ import annotations

from typing import Any

from sidecar.errors import Malformed
from sidecar.model import Finding
from sidecar.redaction import detect, leaves
from sidecar.redaction.leaves import Leaf
from sidecar.redaction.recognisers.token import LABEL


def scan(value: Any, pointer: str = "") -> tuple[Finding, ...]:
    """Personal data in any JSON value: strings, numbers, object keys, JSON inside strings.

    Pointers (RFC 6901) begin with `pointer`. What is found in a key is reported at its object,
    what is found in JSON inside a string at the string; a key that is personal data itself
    appears masked in them. One of our own masks coming back is a finding of entity MASK.

    Raises:
        Malformed: with reason `unscannable`, for what is nested deeper than 64 levels, has a
            string over 1 MB or is no JSON.
    """
    data = leaves.dump(value, Malformed)
    if not detect.is_suspect(data) and not detect.has_mask(data):
        return ()
    root = value if isinstance(value, (dict, list)) else [value]
    fixed = None if root is value else pointer
    return tuple(_tree(leaves.collect(root), pointer, fixed, is_all=detect.has_mask(data)))


def _tree(found: list[Leaf], base: str, fixed: str | None, *, is_all: bool) -> list[Finding]:
    hits = set(range(len(found))) if is_all else leaves.suspects(found)
    out: list[Finding] = []
    for leaf in (found[i] for i in sorted(hits)):
        place = base + leaves.pointer(leaf.link) if fixed is None else fixed
        out += _leaf(leaf, base, place, is_all=is_all)
    return out


def _leaf(leaf: Leaf, base: str, place: str, *, is_all: bool) -> list[Finding]:
    is_string = not leaf.is_key and isinstance(leaf.container[leaf.key], str)
    inner = leaves.parsed(leaf.text) if is_string and leaf.context != LABEL else None
    if inner is None:
        spans = detect.merged(detect.detect(leaf.text, leaf.context)) + detect.masks(leaf.text)
        return [Finding(s.entity, place, s.end - s.start) for s in spans]
    leaves.check_inner(inner, leaf.text, Malformed)
    below = _tree(leaves.collect([inner], None, leaf.context), base, place, is_all=is_all)
    return below or _raw(leaf, place)


def _raw(leaf: Leaf, place: str) -> list[Finding]:
    """A repeated key hides a value from the parser, but not from whoever parses otherwise."""
    spans = detect.merged(detect.detect(leaf.text, leaf.context))
    return [Finding(s.entity, place, s.end - s.start) for s in spans]
