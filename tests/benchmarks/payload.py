"""The calls that are measured and the backend's fixed answers to them, about 3.8 KB each."""

from __future__ import annotations

import itertools
from typing import Any

import orjson

PATH = "/mcp"
RECORDS = 9
SPANS = 2 * RECORDS

_IDS = tuple(f"b3nCh{n:02d}mArKrEcOrDiD{n:03d}" for n in range(10, 10 + RECORDS))
_MAIL = "reader.number{}@customers.mail.example.com"
_TIME = "2026-05-04T09:31:27.511Z"
_PROSE = (
    "<p>Parcels that were not picked up are kept for ten days. After that they go back to our "
    "warehouse and the price is given back to the card or the account it was paid with.</p>"
    "<p>Nothing has to be done for it; the shop tells you when it is due.</p>"
)


def _profiles() -> list[dict[str, Any]]:
    """Customer profiles: an address and a number each, where the catalog says they stand."""
    return [
        {
            "id": name,
            "emails": [{"original": _MAIL.format(n), "primary": True}],
            "phones": [
                {
                    "original": f"+1415555{2600 + n}",
                    "regionCode": "US",
                    "primary": True,
                    "smsPreference": "ON",
                    "type": "MOBILE",
                }
            ],
            "externalCustomerIds": {},
            "customAttributes": {},
            "createdAt": _TIME,
            "updatedAt": _TIME,
        }
        for n, name in enumerate(_IDS, 10)
    ]


def _notes() -> list[dict[str, Any]]:
    """Items of a conversation: the same two in prose, where only their form tells of them."""
    return [
        {
            "id": name,
            "timestamp": _TIME,
            "initiator": {"type": "CUSTOMER"},
            "content": {
                "type": "SMS",
                "content": "The parcel did not arrive again and the shop says it was picked up by "
                "somebody else. Please look into it and tell me what you find. You reach me at "
                f"{_MAIL.format(n)} or, after five, at +1 415 555 {2600 + n}.",
            },
        }
        for n, name in enumerate(_IDS, 10)
    ]


def _articles() -> list[dict[str, Any]]:
    """Articles of a help centre: as long, and nobody's data."""
    return [
        {
            "id": name,
            "name": "Parcels that come back",
            "bodyHtml": _PROSE,
            "language": "en-us",
            "updatedAt": _TIME,
        }
        for name in _IDS
    ]


def _result(records: list[dict[str, Any]]) -> bytes:
    """A `tools/call` result with its records as JSON in one text block, as most servers send it."""
    value = {"result_count": len(records), "is_partial_response": False, "result": records}
    content = [{"type": "text", "text": orjson.dumps(value).decode()}]
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": content}})


def sized(kind: str, size: int) -> dict[str, Any]:
    """A result of one kind whose records, as JSON, have `size` bytes; no value repeats."""
    made = itertools.cycle({"by path": _profiles, "in prose": _notes, "clean": _articles}[kind]())
    records: list[dict[str, Any]] = []
    written = 0
    for number, record in enumerate(made):
        text = orjson.dumps(record).replace(b"reader.number", b"reader%d.number" % number)
        text = text.replace(b"1555555", b"1415%03d" % (201 + number % 700))
        text = text.replace(b"415 555", b"415 %03d" % (201 + number % 700))
        written += len(text)
        if written > size:
            break
        records.append(orjson.loads(text))
    value = {"result_count": len(records), "is_partial_response": False, "result": records}
    return {"content": [{"type": "text", "text": orjson.dumps(value).decode()}]}


def tool_of(kind: str) -> str:
    """The tool whose results the records of a kind are."""
    name: str = orjson.loads(CALLS[kind])["params"]["name"]
    return name


def _call(tool: str, **arguments: str) -> bytes:
    params = {"name": tool, "arguments": arguments}
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


CALLS = {
    "by path": _call("list_all_gladly_customers", externalCustomerId="CRM-benchmark"),
    "in prose": _call("list_all_gladly_conversation_items", conversation_id=_IDS[0]),
    "clean": _call("list_all_gladly_public_answers", lng="en-us"),
}
"""The request's body by the name of the payload; the tool in it says which answer is meant."""

ANSWERS = {
    "by path": _result(_profiles()),
    "in prose": _result(_notes()),
    "clean": _result(_articles()),
}
"""The backend's body by the name of the payload: 18 values by path, 18 in prose, none."""

_BY_TOOL = {
    orjson.loads(CALLS[name])["params"]["name"].encode(): answer for name, answer in ANSWERS.items()
}


LIST = orjson.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"tools": [{"name": orjson.loads(c)["params"]["name"]} for c in CALLS.values()]},
    }
)
"""The backend's list of tools, which the sidecar reads for itself before the first call."""


def answer_to(body: bytes) -> bytes:
    """The answer to a call, whoever wrote it anew on the way."""
    if b'"tools/list"' in body:
        return LIST
    return next((answer for tool, answer in _BY_TOOL.items() if tool in body), b"{}")


def is_masked(body: bytes, original: bytes) -> bool:
    """Whether a body is the original with all its 18 values masked, and nothing else lost."""
    spans = body.count(b"[EMAIL") + body.count(b"[PHONE")
    return spans == SPANS and body.count(_TIME.encode()) == original.count(_TIME.encode())


def http(body: bytes, host: str, path: str, bearer: str = "") -> bytes:
    """The whole HTTP request as an agent's client sends it."""
    headers = {
        "host": host,
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "mcp-protocol-version": "2025-11-25",
        "user-agent": "benchmark",
    }
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    lines = itertools.chain([f"POST {path} HTTP/1.1"], (f"{k}: {v}" for k, v in headers.items()))
    return "\r\n".join([*lines, "\r\n"]).encode() + body
