"""Gladly's answer becomes an MCP tool result. Pure."""

from __future__ import annotations

import json
from typing import Any

from mcp_types import CallToolResult, TextContent

from sidecar.catalog import Row
from sidecar.gladly.client import Answer, GladlyError, UnreachableError
from sidecar.model import JsonObject

_ADVICE = {
    "invalid_state": (
        "The record is in a state that forbids this. Bring about the state first (close open or "
        "waiting conversations before a deletion, use an open task for a comment, an agent of "
        "the inbox for an assignment); repeating the call alone will not help."
    ),
    "taken": "The id or contact is in use by another record. Use that record, or another value.",
    "blank": "Something required is missing or empty. Fill it and call again.",
    "invalid": "Gladly does not accept the value. Correct it and call again.",
    "too_long": "The text is longer than Gladly accepts. Shorten it and call again.",
    "not_exist": "Nothing has this id. Look the id up again instead of repeating the call.",
    "in_use": "Other records depend on it. Release those first.",
    "temporary_failure": "Gladly cannot do it at the moment. Try again later.",
}
_BY_STATUS = {
    401: "The backend's Gladly credential is not accepted. An operator has to renew it.",
    403: "The backend's Gladly user lacks the role for this. An operator has to grant it.",
    404: _ADVICE["not_exist"],
}


def failed(text: str) -> CallToolResult:
    """A result that says what went wrong, for the model to act on."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


def succeeded(value: JsonObject) -> CallToolResult:
    """The value as structured content, and the same JSON as text for clients that know no other."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=text)], structured_content=value)


def result(row: Row, answer: Answer) -> CallToolResult:
    """What the tool answers: the record, the list envelope, the new id, or the error."""
    if error := answer.error:
        return failed(explain(row, error))
    try:
        return succeeded(_value(row, answer))
    except ValueError:
        return failed(f"{row.tool.name}: Gladly's answer is not the JSON that it should be.")


def explain(row: Row, error: GladlyError) -> str:
    """Gladly's error as a sentence with the next step, then its code and meta as JSON."""
    machine = {"status": error.status, "code": error.code or None, "attr": error.attr or None}
    facts: JsonObject = {key: value for key, value in machine.items() if value is not None}
    facts |= {"meta": dict(error.meta)} if error.meta else {}
    return f"{_sentence(row, error)} {json.dumps(facts, separators=(',', ':'))}"


def unreachable(row: Row, failure: UnreachableError) -> CallToolResult:
    """Gladly gave no answer: for a write, say that it may have happened all the same."""
    if failure.is_sent and row.tool.effect != "read":
        return failed(f"{failure}. The change may have been made: read first, then decide.")
    return failed(f"{failure}. Nothing was changed; try again later.")


def _sentence(row: Row, error: GladlyError) -> str:
    if error.moved_to:
        return (
            f"This customer was merged into another profile (moved): the new id is "
            f"{error.moved_to}. Call {row.tool.name} again with the new id."
        )
    said = f"{row.tool.name}: Gladly refused with status {error.status}"
    said += f", {error.detail.rstrip('.')}." if error.detail else "."
    advice = _ADVICE.get(error.code) or _BY_STATUS.get(error.status)
    return f"{said} {advice or 'Do not repeat the call unchanged.'}"


def _value(row: Row, answer: Answer) -> JsonObject:
    if "result" in row.output_schema.get("properties", {}):
        return _envelope(_records(answer), answer)
    if not answer.body:
        return _new_id(answer)
    value = json.loads(answer.body)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the same fault as no JSON at all
    return value


def _records(answer: Answer) -> list[Any]:
    """A list, one object as a list of one, or JSON lines."""
    if answer.get("content-type").partition(";")[0].strip() == "application/json":
        value = json.loads(answer.body)
        return value if isinstance(value, list) else [value]
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
