"""Gladly's answer becomes an MCP tool result. Pure."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

from mcp_types import AudioContent, CallToolResult, TextContent

from sidecar.catalog import Row
from sidecar.gladly import advice
from sidecar.gladly.client import SEE_OTHER, Answer, UnreachableError
from sidecar.model import JsonObject


def failed(text: str) -> CallToolResult:
    """A result that says what went wrong, for the model to act on."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


def succeeded(value: JsonObject) -> CallToolResult:
    """The value as structured content, and the same JSON as text for clients that know no other."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=text)], structured_content=value)


def result(row: Row, answer: Answer) -> CallToolResult:
    """What the tool answers: the record, the list envelope, the new id, a file, or the error."""
    if answer.errors:
        return failed(advice.explain(row, answer.errors))
    kind = answer.get("content-type").partition(";")[0].strip().lower()
    if kind.startswith("audio/"):
        return _recording(row, kind, answer)
    try:
        return succeeded(_value(row, kind, answer))
    except ValueError:
        return failed(f"{row.tool.name}: Gladly's answer is not the JSON that it should be.")


def unreachable(row: Row, failure: UnreachableError) -> CallToolResult:
    """Gladly gave no answer: for a write, say that it may have happened all the same."""
    if failure.is_sent and row.tool.effect != "read":
        return failed(f"{failure}. The change may have been made: read first, then decide.")
    return failed(f"{failure}. Nothing was changed; try again later.")


def _recording(row: Row, kind: str, answer: Answer) -> CallToolResult:
    """Sound beside what can be said of it in words."""
    record = {"media_type": kind, "size": len(answer.body)}
    told = succeeded(_envelope([record], answer) if _is_list(row) else record)
    sound = AudioContent(data=base64.b64encode(answer.body).decode(), mime_type=kind)
    return told.model_copy(update={"content": [*told.content, sound]})


def _value(row: Row, kind: str, answer: Answer) -> JsonObject:
    if _is_list(row):
        return _envelope(_records(kind, answer), answer)
    if answer.status == SEE_OTHER:
        return {"location": answer.get("location")}
    if not answer.body:
        return _new_id(answer)
    value = json.loads(answer.body)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the same fault as no JSON at all
    return value


def _is_list(row: Row) -> bool:
    return "result" in row.output_schema.get("properties", {})


def _records(kind: str, answer: Answer) -> list[Any]:
    """A list, one object as a list of one, the rows of a table, or JSON lines."""
    if kind == "application/json":
        value = json.loads(answer.body)
        return value if isinstance(value, list) else [value]
    if kind == "text/csv":
        text = answer.body.decode("utf-8-sig", "replace")
        return [
            {str(k): v for k, v in row.items()}
            for row in csv.DictReader(io.StringIO(text), restkey="")
        ]
    return [json.loads(line) for line in answer.body.splitlines() if line]


def _envelope(rows: list[Any], answer: Answer) -> JsonObject:
    """Gladly documents the header's name, not its value: anything but a plain no counts."""
    flag = answer.get("gladly-limited-data").strip().lower()
    is_partial = flag not in {"", "0", "false", "no"}
    return {"result": rows, "result_count": len(rows), "is_partial_response": is_partial}


def _new_id(answer: Answer) -> JsonObject:
    """A create answers 201 without a body; the id is the last part of its Location."""
    location = answer.get("location")
    return {"id": location.rstrip("/").rpartition("/")[2]} if location else {}
