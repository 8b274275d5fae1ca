"""Whom a caller searches for: mail addresses and telephone numbers of arguments, as tokens.

An audit log that holds them lets a reviewer find who looked for a person, without holding the
person's address: `sidecar audit hash` makes the same token of the address they were told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from sidecar.model import ArgumentMarks, Finding, JsonObject
from sidecar.redaction import detect, leaves
from sidecar.redaction.pseudonyms import Pseudonyms

MOST: Final = 50
"""People that are told of one call."""
_KINDS: Final[Mapping[str, str]] = {"EMAIL": "email", "PHONE": "phone"}
_LONGEST: Final = 64
"""Characters of an argument that is an address or a number as a whole, and no text."""
_FEWEST_DIGITS: Final = 7


def searched(
    arguments: JsonObject,
    findings: Sequence[Finding],
    marks: Mapping[str, ArgumentMarks],
    pseudonyms: Pseudonyms,
) -> tuple[JsonObject, ...]:
    """`{"kind": "email" | "phone", "id": token}` for each, once; nothing without a key.

    `findings` are those of `scan(arguments)`, `marks` what the catalog says of each argument: one
    that expects an address or a number is one even where its form alone does not tell.
    """
    if not pseudonyms.keys:
        return ()
    pointers = {finding.pointer for finding in findings if finding.entity in _KINDS}
    found: dict[tuple[str, str], None] = {}
    for entity, raw in (*_expected(arguments, marks), *_found(arguments, pointers)):
        token = pseudonyms.token(entity, raw)
        if token is not None:
            found[_KINDS[entity], token] = None
    return tuple({"kind": kind, "id": token} for kind, token in islice(found, MOST))


def _expected(
    arguments: JsonObject, marks: Mapping[str, ArgumentMarks]
) -> Iterator[tuple[str, str]]:
    for name, mark in marks.items():
        value = arguments.get(name)
        if not isinstance(value, str) or len(value) > _LONGEST or detect.is_mask(value):
            continue
        if "EMAIL" in mark.expected and "@" in value:
            yield "EMAIL", value
        elif "PHONE" in mark.expected and sum(map(str.isdecimal, value)) >= _FEWEST_DIGITS:
            yield "PHONE", value


def _found(arguments: Any, pointers: set[str]) -> Iterator[tuple[str, str]]:
    if not pointers:
        return
    for leaf in leaves.collect(arguments):
        if leaves.pointer(leaf.link) in pointers:
            for span in detect.detect(leaf.text, leaf.context):
                if span.entity in _KINDS and not span.is_whole:
                    yield span.entity, leaf.text[span.start : span.end]
