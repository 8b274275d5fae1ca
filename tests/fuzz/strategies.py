"""Bytes that are nearly right: JSON, streams and heads, built from their grammar and then bent.

Over 300 lines: the grammars share what bends them.
"""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from fuzz import harness
from sidecar import edge, jsonrpc

_KEYS: Final = st.sampled_from(
    [
        "jsonrpc",
        "id",
        "method",
        "params",
        "result",
        "error",
        "name",
        "Name",
        "uri",
        "arguments",
        "ｎame",
        "name\0",
        "_meta",
        edge.META_VERSION,
        "code",
        "message",
        "x",
    ]
)
_NAMES: Final = st.sampled_from(["a", "b c", " x", "é", "", "\u2028", "=?base64?YQ==?=", 1, None])
_LIKE_NAME: Final = st.sampled_from(
    ["Name", "ｎame", "name\0", " name", "n\u0430me", "uri", "ＵＲＩ"]
)
_SCALARS: Final = st.one_of(
    st.sampled_from(
        ["2.0", "tools/call", "a", "", "1", edge.MODERN, "é", "\u2028", "😀", "=?base64?YQ==?="]
    ),
    st.text(max_size=6),
    st.sampled_from([0, 1, -1, 2**53, 2**53 - 1, 2**64, -(2**63) - 1, 1.5, 1e300, True, None]),
    st.integers(),
)
_IDS: Final = st.sampled_from([True, 2**53, -(2**53), 2**53 - 1, 1.0, "1", "", None, False])
_VALUES: Final = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
)
_ODD_TEXTS: Final = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "1e999",
        "-0",
        "-0.0",
        "1E5",
        "1.0",
        "01",
        "9" * 30,
        '"\\ud800"',
        '"\\u0000"',
        "[" * 70 + "]" * 70,
        "[" * 63 + "]" * 63,
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        "{}",
        "[]",
        "",
    ]
)
_BLANKS: Final = st.sampled_from(["", "", " ", "\n", "\r", "\t", "\ufeff", "\u00a0"])


def _rarely(times: int) -> st.SearchStrategy[bool]:
    """True about once in so many times; it stands inside, for Hypothesis likes the ends."""
    return st.sampled_from([False, True, *[False] * (times - 2)])


@st.composite
def _spelt(draw: st.DrawFn, value: Any) -> str:
    """A value as JSON text, in any spelling, now and then with something odd in its place."""
    if draw(_rarely(40)):
        return draw(_ODD_TEXTS)
    blank = draw(_BLANKS) if draw(_rarely(10)) else ""
    if isinstance(value, dict):
        pairs = [f"{blank}{_quoted(draw, k)}:{draw(_spelt(v))}" for k, v in value.items()]
        return "{" + ",".join(pairs) + blank + "}"
    if isinstance(value, list):
        return "[" + ",".join(draw(_spelt(item)) for item in value) + blank + "]"
    return blank + (_quoted(draw, value) if isinstance(value, str) else json.dumps(value))


def _quoted(draw: st.DrawFn, text: str) -> str:
    if text and draw(_rarely(10)):
        return '"' + "".join(f"\\u{ord(c):04x}" for c in text if ord(c) < 0x10000) + '"'
    return json.dumps(text, ensure_ascii=draw(st.booleans()))


@st.composite
def _envelope(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {"jsonrpc": "2.0"}
    if not draw(_rarely(5)):
        body["id"] = draw(_IDS | _SCALARS) if draw(_rarely(3)) else 1
    kind = draw(st.sampled_from(["call", "call", "result", "error", "odd"]))
    if kind == "call":
        body["method"] = draw(st.sampled_from(["tools/call", "resources/read", "x", ""]))
        body["params"] = {draw(_LIKE_NAME) if draw(_rarely(6)) else "name": "a"}
        body["params"] |= draw(st.dictionaries(_KEYS, _VALUES, max_size=2))
        if draw(st.booleans()):
            version = draw(st.sampled_from([edge.MODERN, edge.MODERN, "x", 1]))
            body["params"]["_meta"] = {edge.META_VERSION: version}
    elif kind in {"result", "error"}:
        body[kind] = draw(st.dictionaries(_KEYS, _VALUES, max_size=3))
    else:
        body |= draw(st.dictionaries(_KEYS, _VALUES, max_size=4))
    return body


messages: Final = (
    _envelope().flatmap(_spelt).map(lambda text: text.encode("utf-8", "surrogatepass"))
)


_SWAPS: Final = {
    '"id":1': ("true", "9007199254740992", "-9007199254740991", "1.0", '"1"', "null", "1e0"),
    '"name":"a"': (
        '"Name":"b"',
        '"ｎame":"b"',
        '"name\\u0000":"b"',
        '"name":"a","n\\u0061me":"b"',
        '" uri":"b"',
    ),
    "{}": (
        "[" * 61 + "]" * 61,
        "[" * 62 + "]" * 62,
        "[" * 63 + "]" * 63,
        '{"x":NaN}',
        "1e400",
        "-0",
    ),
}


@st.composite
def _swapped(draw: st.DrawFn) -> bytes:
    """A good call with one or two of its parts in another form."""
    text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}'
    for part in draw(st.sets(st.sampled_from(sorted(_SWAPS)), max_size=2)):
        put = draw(st.sampled_from(_SWAPS[part]))
        text = text.replace(part, f'"id":{put}' if part == '"id":1' else put)
    return text.encode()


@st.composite
def bent(draw: st.DrawFn, made: st.SearchStrategy[bytes]) -> bytes:
    """The same with some bytes cut out, doubled or replaced."""
    raw = draw(made)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw)))
        end = min(len(raw), at + draw(st.integers(0, 4)))
        put = draw(
            st.sampled_from([b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", raw[at:end] * 2])
        )
        raw = raw[:at] + put + raw[end:]
    return raw


_LINES: Final = st.one_of(
    st.sampled_from(
        [
            b"",
            b"",
            b"data",
            b"data: {}",
            b"data:",
            b"data:  a",
            b"event: message",
            b"event: x",
            b"id: 7",
            b"id:",
            b"id: \xc3\xa9",
            b"id: a\0b",
            b"retry: 10",
            b"retry: x",
            b"retry: 12345678901",
            b": ping",
            b"Data: x",
            b" data: x",
            b"data\xc2\xa0: x",
            "data: a\u2028b\u0085c".encode(),
            b"data: " + b"x" * 90,
        ]
    ),
    st.binary(max_size=12),
)
_ENDS: Final = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b"\r\r\n", b""])
streams: Final = st.builds(
    lambda step, start, lines: bytes([step]) + start + b"".join(a + b for a, b in lines),
    st.integers(0, 9),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef\xbb\xbf\xef\xbb\xbf"]),
    st.lists(st.tuples(_LINES, _ENDS), max_size=14),
)

_HEADERS: Final = st.sampled_from(
    [
        "host: sidecar:8080",
        "Host: SIDECAR:8080",
        "host: evil",
        "origin: null",
        "origin: https://app.example",
        'content-type: application/json; charset="UTF-8"',
        "content-type: application/json; charset=utf-16",
        "content-type: text/plain",
        "content-length: 12",
        "content-length: ²",
        "content-length: -1",
        "content-length: " + "9" * 40,
        "content-encoding: gzip",
        "content-encoding: identity",
        "mcp-name: a",
        "mcp-name: =?base64?YQ==?=",
        "mcp-name: =?base64?YR==?=",
        "mcp-method: tools/call",
        "mcp-method: x",
        "mcp-param-a: 1",
        "mcp-session-id: s",
        f"mcp-protocol-version: {edge.MODERN}",
        "mcp-protocol-version: 2025-11-25",
        "mcp-protocol-version: x",
        "authorization: x",
    ]
)
_PATHS: Final = st.sampled_from(
    [
        "/mcp/",
        "/mcp//a",
        "/mcp/a/b",
        "/mcp?x",
        "/MCP",
        "/mcp/%61",
        "/mcp/a;b",
        "/mcp/a\r",
        "/mcp/é",
        "http://sidecar:8080/mcp",
        "/mcp/" + "a" * 129,
    ]
)


@st.composite
def _head(draw: st.DrawFn, usual: tuple[str, ...]) -> bytes:
    """A head of the usual lines, now and then without one or with others."""
    verb = draw(st.sampled_from(["GET", "DELETE", "PUT", "post"])) if draw(_rarely(5)) else "POST"
    path = draw(_PATHS) if draw(_rarely(4)) else draw(st.sampled_from(["/mcp", "/mcp/abc"]))
    lines = [line for line in usual if not draw(_rarely(8))]
    lines += draw(
        st.lists(_HEADERS | st.text(st.characters(max_codepoint=255), max_size=12), max_size=2)
    )
    return "\n".join([verb, path, *lines]).encode("latin-1", "replace")


heads: Final = _head(
    ("host: sidecar:8080", "content-type: application/json", "origin: https://app.example")
)


@st.composite
def _mirrored(draw: st.DrawFn) -> bytes:
    """A message of the stateless era under the headers that mirror it, some of them changed."""
    params = {"name": draw(_NAMES), "uri": draw(_NAMES), "_meta": {edge.META_VERSION: edge.MODERN}}
    method = draw(st.sampled_from(["tools/call", "resources/read", "tools/list"]))
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    made = jsonrpc.parse(json.dumps(body, ensure_ascii=True).encode())
    lines = [f"{name}: {value}" for name, value in edge.mirrored(made) if not draw(_rarely(9))]
    lines += [draw(_HEADERS)] if draw(_rarely(4)) else []
    if draw(_rarely(3)):
        odd = draw(st.sampled_from(["b", "=?base64?YR==?=", "=?base64?YQ=?=", "=?base64?Yg==?="]))
        lines = [f"mcp-name: {odd}" if ln.startswith("mcp-name") else ln for ln in lines]
    return "\n".join(["POST", "/mcp", *lines]).encode("latin-1") + b"\n\n" + made.canonical


heads_and_bodies: Final = st.one_of(
    st.builds(lambda head, body: head + b"\n\n" + body, _head(()), messages),
    _mirrored(),
)

_TEXTS: Final = st.one_of(
    st.text(max_size=30),
    st.text(alphabet='0123456789 +-.()@[]{}":\\\n/=nuaé１\u200b', max_size=40),
    st.sampled_from(
        [harness.PLANT, "+1 415 555 2671", "[EMAIL]", "4111 1111 1111 1111", "pin 12", "Jane"]
    ),
)
_RECORDS: Final = st.recursive(
    _TEXTS | st.integers(-(2**40), 2**40) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "mail", "id", "text", "phone", "result"]) | _TEXTS,
            inner,
            max_size=3,
        )
        | inner.map(lambda value: json.dumps(value, ensure_ascii=False))
    ),
    max_leaves=8,
)
records: Final = _RECORDS.map(
    lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
)

BY_TARGET: Final[dict[str, st.SearchStrategy[bytes]]] = {
    "parse": st.one_of(messages, _swapped(), bent(messages), st.binary(max_size=60)),
    "stream": st.one_of(streams, bent(streams), st.binary(max_size=80)),
    "admit": st.one_of(heads, bent(heads)),
    "confirm": st.one_of(heads_and_bodies, bent(heads_and_bodies)),
    "mask": st.one_of(records, st.binary(max_size=60)),
}
