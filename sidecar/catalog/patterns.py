"""The two little languages of a row: patterns of places in a record, and plain JSON pointers.

What they mean is in tool_catalog/README.md. Only their form is checked here.
"""

from __future__ import annotations

import re

_BAD_TILDE = re.compile(r"~(?![01])")
_BRACED = re.compile(r"[{]([^{}]*)[}]")


def fault_of(pattern: str) -> str | None:
    """Why a text is no pattern, or None if it is one.

    A pattern is a JSON pointer (RFC 6901) to something inside a record; a segment `*` is any one
    key or index, and `**`, which only the last segment can be, is everything there.
    """
    if not pattern.startswith("/"):
        return "does not begin with /"
    segments = pattern[1:].split("/")
    if "" in segments:
        return "has an empty segment"
    if _BAD_TILDE.search(pattern):
        return "has a ~ that is neither ~0 nor ~1"
    if "**" in segments[:-1]:
        return "has ** before its last segment"
    if any("*" in s and s not in {"*", "**"} for s in segments):
        return "has a * inside a segment"
    return None


def first_segment(pointer: str) -> str:
    """The key that a well-formed pointer starts with, unescaped (RFC 6901, section 4)."""
    return pointer[1:].split("/", 1)[0].replace("~1", "/").replace("~0", "~")


def arguments_of(path: str) -> list[str]:
    """The arguments in a REST path, in order: the words in braces, save what the backend knows."""
    return [name for name in _BRACED.findall(path) if name != "org_id"]
