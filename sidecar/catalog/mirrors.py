"""Which argument of a tool an `Mcp-Param-*` header repeats, as the tool's own schema says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]
"""Keys from the arguments down to one of them."""


def mirrors(input_schema: Any) -> Mapping[str, Path]:
    """The path of each argument with an `x-mcp-header`, by that name in lower case.

    Only what properties alone lead to counts (MCP 2026-07-28, "Custom Headers"). A name that stands
    twice is left out: which argument it means cannot be known.
    """
    found: dict[str, Path] = {}
    twice: set[str] = set()
    for name, path in _annotated(input_schema, ()):
        if name in found:
            twice.add(name)
        found[name] = path
    return {name: path for name, path in found.items() if name not in twice}


def _annotated(schema: Any, path: Path) -> Iterator[tuple[str, Path]]:
    if not isinstance(schema, dict):
        return
    name = schema.get("x-mcp-header")
    if path and isinstance(name, str):
        yield name.lower(), path
    properties = schema.get("properties")
    for key, below in properties.items() if isinstance(properties, dict) else ():
        yield from _annotated(below, (*path, key))
