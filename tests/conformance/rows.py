"""Catalog rows for the reference server's tools: what an operator would write after a review."""

from __future__ import annotations

from typing import Any

from sidecar.model import JsonObject


def document(tools: list[JsonObject]) -> JsonObject:
    """A file of the tool catalog that describes these tools of a `tools/list`."""
    return {"tools": [_row(tool) for tool in sorted(tools, key=lambda tool: str(tool["name"]))]}


def _row(tool: JsonObject) -> JsonObject:
    arguments: JsonObject = tool["inputSchema"].get("properties", {})
    return {
        "name": tool["name"],
        "confidence": "published",
        "title": "A fixture",
        "summary": "Serves a scenario of the suite.",
        "description": "Serves a scenario of the suite.",
        "method": "custom",
        "effect": "read",
        "tags": ["conformance"],
        "input_schema": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: _argument(schema) for name, schema in arguments.items()},
        },
        "output_schema": {"type": "object"},
    }


def _argument(schema: JsonObject) -> JsonObject:
    """One argument, in the plain subset of JSON Schema that the catalog speaks."""
    kind: Any = schema.get("type", "object")
    plain: JsonObject = {"type": kind, "description": schema.get("description", "An argument.")}
    return plain | ({"additionalProperties": True} if kind == "object" else {})
