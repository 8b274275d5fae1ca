"""What must hold for any bytes: one function for each reader of the sidecar.

Each takes bytes and raises AssertionError (or anything else) when a promise is broken. Hypothesis
calls them with bytes that are built, `campaign.py` with bytes that coverage leads to.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import orjson

from fuzz import reference
from sidecar import edge, jsonrpc, redaction, sse
from sidecar.errors import BackendFailed, Inadmissible, Malformed, NotFound
from sidecar.model import Head, Message, PersonalData, Tool

RULES: Final = edge.Rules(frozenset({"sidecar:8080"}), frozenset({"https://app.example"}), 1 << 20)
TOOL: Final = Tool(
    "t",
    pii=(PersonalData("/name", "NAME"), PersonalData("/mail/*", "EMAIL")),
    safe=("/id",),
)
PLANT: Final = "jane.roe@example.com"
MOST: Final = 200
"""Largest event in bytes, where a stream is fuzzed: small, so that the limit is met often."""

_SLOW: Final = 2.0
"""Seconds of processor time for one input; far more than any honest one takes."""
_SINGLE: Final = ("host", "origin", "mcp-name", "authorization", "content-type", "mcp-session-id")


def parse(data: bytes) -> None:
    """`jsonrpc.parse` agrees with the reference, and what it writes reads back as itself."""
    expected = reference.message(data)
    try:
        message = jsonrpc.parse(data)
    except Malformed as refused:
        assert expected is None, f"refused, but it is a message: {refused}"
        return
    assert expected is not None, "accepted, but the reference refuses it"
    if "error" in expected and expected.get("id", "") is None:
        del expected["id"]
    assert _same(message.body, expected)
    again = jsonrpc.parse(message.canonical)
    assert again.canonical == message.canonical
    assert again.kind == message.kind
    assert _same(again.body, message.body)


def _same(one: Any, other: Any) -> bool:
    """Equal in type too: 1 is neither true nor 1.0; and in the order of members."""
    return repr(one) == repr(other)


def stream(data: bytes) -> None:
    """`sse.Parser` gives the reference's events, whatever the cuts, and its own form reads back.

    The first byte says where the rest is cut: after every so many bytes, or not at all for 0.
    """
    step, raw = (data[0] if data else 0), data[1:]
    expected = reference.events(raw, MOST)
    try:
        found = feed(sse.Parser(MOST), raw, step)
    except BackendFailed as refused:
        assert refused.reason == "event_too_large"
        assert expected is None, "refused, but no event is too large"
        return
    assert found == expected
    shown = [_as_we_write(event) for event in found]
    written = [sse.serialise(event) for event in shown]
    for text in map(bytes.decode, written):
        assert text.splitlines() == text.split("\n")[:-1], "a client may see other lines"
    again = feed(sse.Parser(1 << 20), b"".join(written), step)
    assert [_read(event) for event in again] == [_read(event) for event in shown]


def _as_we_write(event: sse.ServerEvent) -> sse.ServerEvent:
    """With data as JSON and our own type of event, as inspection makes it."""
    if not event.data:
        return replace(event, event=b"")
    text = orjson.dumps(event.data.decode("utf-8", "replace"))
    return replace(event, event=b"message", data=text)


def _read(event: sse.ServerEvent) -> Any:
    return replace(event, data=orjson.loads(event.data) if event.data else event.data)


def feed(parser: sse.Parser, raw: bytes, step: int) -> list[sse.ServerEvent]:
    """Every event of a stream that comes in pieces."""
    step = step or max(len(raw), 1)
    pieces = [raw[i : i + step] for i in range(0, len(raw), step)]
    return [event for piece in pieces for event in parser.feed(piece)]


def admit(data: bytes) -> None:
    """`edge.admit` raises nothing but refusals, and lets in only what a plain reading lets in."""
    head = head_of(data)
    try:
        edge.admit(head, RULES)
    except (NotFound, Inadmissible, Malformed):
        return
    names = [name for name, _ in head.headers]
    assert head.verb in {"POST", "GET", "DELETE"}
    assert head.path == "/mcp" or head.path.startswith("/mcp/")
    assert not set(head.path[5:]) & set("/?#;%.\\ \r\n\0")
    assert head.get("host").lower() == "sidecar:8080"
    assert head.get("origin", "https://app.example").lower() in {"", "https://app.example"}
    assert all(names.count(name) < 2 for name in _SINGLE)
    if head.verb == "POST":
        assert head.get("content-type").strip().lower().startswith("application/json")
        assert int(head.get("content-length", "0")) <= RULES.request_bytes


def confirm(data: bytes) -> None:
    """What `edge.confirm` lets pass says the same in its headers as in its body.

    The bytes are a head, an empty line and a message. Written anew, the headers of any message of
    the stateless era must pass.
    """
    lines, _, body = data.partition(b"\n\n")
    try:
        message = jsonrpc.parse(body)
        version = edge.claimed_version(message)
    except Malformed:
        return
    own = Head("POST", "/mcp", tuple(edge.mirrored(message)))
    if version is not None and _can_be_mirrored(message):
        edge.confirm(own, message)
    head = head_of(lines)
    try:
        edge.confirm(head, message)
    except Malformed:
        return
    assert head.get("mcp-method") in {"", message.method}
    named = head.get("mcp-name")
    assert not named or _unwrapped(named) in {message.params.get("name"), message.params.get("uri")}
    if version is None:
        assert head.get("mcp-protocol-version") < edge.MODERN
    else:
        assert head.get("mcp-protocol-version") == version


def _can_be_mirrored(message: Message) -> bool:
    """Whether its names are texts: others are refused, whatever the headers say."""
    named = (message.params.get("name", ""), message.params.get("uri", ""))
    return message.kind == "request" and all(isinstance(name, str) for name in named)


def _unwrapped(value: str) -> str:
    if not value.startswith("=?base64?") or not value.endswith("?="):
        return value
    inner = base64.b64decode(value[9:-2])
    assert base64.b64encode(inner).decode() == value[9:-2], "two spellings of one name"
    return inner.decode()


def head_of(data: bytes) -> Head:
    """A head of lines: verb, path, then one `name: value` each."""
    verb, path, *lines = [*data.decode("latin-1").split("\n"), "", ""]
    pairs = (line.partition(":") for line in lines if line)
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    return Head(verb, path, headers)


def mask(data: bytes) -> None:
    """`redact` and `scan` raise nothing but refusals, end soon, and let no planted value out."""
    value = _json(data)
    started = time.process_time()
    try:
        findings = redaction.scan(value)
    except Malformed as refused:
        assert refused.reason == "unscannable"
        return
    for finding in findings:
        assert finding.pointer == "" or finding.pointer.startswith("/")
    planted = {"content": [value, {"type": "text", "text": f"to {PLANT} <"}], "x": {"note": value}}
    for result in (planted, {"structuredContent": value, "content": []}):
        try:
            done = redaction.redact(result, TOOL, ())
        except BackendFailed as refused:
            assert refused.reason in {"unscannable", "redaction_residual"}
            continue
        out = orjson.dumps(done.value)
        assert PLANT.encode() not in out
        assert redaction.redact(done.value, TOOL, ()).value == done.value, "not idempotent"
    assert time.process_time() - started < _SLOW


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return data.decode("utf-8", "replace")


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "parse": parse,
    "stream": stream,
    "admit": admit,
    "confirm": confirm,
    "mask": mask,
}
