"""One row of the catalog in words, for whoever has to decide about the tool."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sidecar.catalog.rows import Row

_WIDTH = 16


def words(row: Row) -> str:
    """Everything that a row says, a labelled line each; ends with a newline."""
    return "".join(f"{label:<{_WIDTH}}{text}\n" for label, text in _lines(row))


def _lines(row: Row) -> Iterator[tuple[str, str]]:
    tool = row.tool
    yield "name", f"{tool.name} ({row.confidence})"
    yield from (("also", name) for name in row.aliases)
    yield "what", f"{row.title}: {row.summary}"
    yield "method, effect", f"{tool.method}, {tool.effect}"
    yield "tags", ", ".join(tool.tags)
    if row.rest is not None:
        yield "Gladly's API", f"{row.rest.verb} {row.rest.path} ({row.rest.operation})"
    yield from (("constraint", text) for text in row.constraints)
    yield from _arguments(row)
    yield from (("personal data", f"{one.pattern}  {one.entity}") for one in tool.pii)
    yield from (("customers write", pattern) for pattern in tool.customer_text)
    for one in tool.subjects:
        yield "about whom", f"{one.kind}, {one.source} {one.pointer}"
    for example in row.examples:
        verdict = f"denied by {', '.join(example.denied_by)}" if example.denied_by else "allowed"
        yield "example", f"{json.dumps(example.arguments, ensure_ascii=False)}  {verdict}"


def _arguments(row: Row) -> Iterator[tuple[str, str]]:
    required = row.input_schema.get("required", [])
    for name, schema in row.input_schema["properties"].items():
        marks = row.tool.arguments[name]
        notes = [
            schema["type"],
            *(["required"] if name in required else []),
            *(["overwrites"] if marks.overwrites else []),
            *(["reaches customers"] if marks.outbound else []),
            *([f"expects {', '.join(marks.expected)}"] if marks.expected else []),
        ]
        yield "argument", f"{name}  {', '.join(notes)}"
