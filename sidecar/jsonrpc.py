"""Bytes to Message and back: JSON-RPC 2.0 read strictly, written in one canonical form.

Theory of operation. Two receivers must never read two messages in the same bytes, so only what can
be read in exactly one way is accepted, and what leaves is `Message.canonical`, our own
serialisation of the very object that was judged (invariant 5).

Parsing has a fast and a slow road. orjson parses and writes the value again: if that gives the
received bytes back, the text had no duplicate key, no odd number and no odd escape, since any of
them would have changed on the way. Spaces may differ: without them both texts still consist of
the same tokens, for no two tokens of JSON stand side by side without punctuation. Otherwise the
text goes through the standard library's parser with hooks that refuse duplicate keys and integers
beyond 64 bits, and both results must agree.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import orjson

from sidecar.errors import Malformed
from sidecar.model import JsonObject, Message

MAX_DEPTH: Final = 64
"""Deepest nesting of arrays and objects, far above what any tool needs."""

MAX_PARTS: Final = 200_000
"""Commas, and twice the arrays and objects, of one message: some 2 MB of customers. Time goes by
these, not by bytes, and it is the event loop's. For the slow road it is half of that."""

MAX_SAFE_ID: Final = 2**53 - 1
"""Largest integer id that every JSON implementation keeps exact (RFC 8259 section 6)."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
RESOURCE_NOT_FOUND: Final = -32002
"""Of the handshake era; MCP 2026-07-28 has INVALID_PARAMS in its place."""
HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021

_MEMBERS: Final = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_PARAMS: Final = frozenset({"name", "arguments", "uri", "cursor", "ref", "argument", "_meta"})
_CONTAINERS: Final = (dict, list)
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_FEW_QUOTES: Final = 20_000
_SPACES: Final = b" \t\r\n"
_INT64: Final = (-(2**63), 2**64 - 1)


def parse(raw: bytes) -> Message:
    """Read one JSON-RPC message, or raise Malformed saying what about its form is wrong.

    Refused: anything but UTF-8 without a BOM, duplicate keys, integers beyond 64 bits, NaN and
    infinities, lone surrogates, nesting beyond MAX_DEPTH, more than MAX_PARTS parts, batches, a
    mixture of message kinds, members that JSON-RPC 2.0 does not know, ids that are not a string
    or a safe integer, parameters that are not an object, and names that only look like the ones
    MCP knows.
    """
    value, canonical = _strict(raw)
    if not isinstance(value, dict):
        raise Malformed("not a JSON object", reason="not_an_object")
    if value.get("jsonrpc") != "2.0":
        raise Malformed("member jsonrpc is not '2.0'", reason="not_jsonrpc_2")
    if not value.keys() <= _MEMBERS:
        raise Malformed("unknown top-level member", reason="unknown_member")
    return _classify(value, canonical)


def loads(raw: bytes) -> Any:
    """Read any JSON value as strictly as `parse` reads a message.

    Raises:
        Malformed: it can be read in more than one way, or not at all.
    """
    return _strict(raw)[0]


def dumps(value: Any) -> bytes:
    """Write a JSON value canonically: UTF-8, no spaces, keys in the order they have.

    Raises:
        Malformed: the value holds something JSON cannot.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        raise Malformed("value cannot be written as JSON", reason="not_json") from None


def message(body: JsonObject) -> Message:
    """Make a Message of a body that this program built or changed itself."""
    return _classify(body, dumps(body))


def result(request_id: str | int, value: JsonObject) -> bytes:
    """Write a successful response."""
    return dumps({"jsonrpc": "2.0", "id": request_id, "result": value})


def error(
    request_id: str | int | None, code: int, text: str, data: JsonObject | None = None
) -> bytes:
    """Write an error response.

    Without a known id the member is left out, never null: a client that reads `"id": null` waits
    for its answer until it times out.
    """
    body: JsonObject = {"jsonrpc": "2.0"}
    if request_id is not None:
        body["id"] = request_id
    body["error"] = {"code": code, "message": text}
    if data:
        body["error"]["data"] = data
    return dumps(body)


def has_look_alike(members: Iterable[str], known: frozenset[str]) -> bool:
    """Whether a member is none of the known ones, but some receiver takes it for one of them."""
    odd = [key for key in members if key not in known]
    return bool(odd) and not {_folded(key) for key in odd}.isdisjoint(map(_folded, known))


def _strict(raw: bytes) -> tuple[Any, bytes]:
    _check_parts(raw, MAX_PARTS)
    try:
        value = orjson.loads(raw)
        canonical = orjson.dumps(value)
    except orjson.JSONDecodeError:
        # The decoder's own text quotes nothing, but it carries the document: not chained.
        raise Malformed("not valid JSON", reason="not_json", code=PARSE_ERROR) from None
    except TypeError:
        raise Malformed("not writable as JSON", reason="not_json", code=PARSE_ERROR) from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    if canonical != raw and canonical.translate(None, _SPACES) != raw.translate(None, _SPACES):
        _check_parts(raw, MAX_PARTS // 2)
        _reread(raw, value)
    return value, canonical


def _check_parts(raw: bytes, most: int) -> None:
    """Those in a string are none, a table as CSV; of very many strings nobody looks at each."""
    if _parts(raw) <= most:
        return
    if raw.count(b'"') > _FEW_QUOTES or _parts(_STRING.sub(b"", raw)) > most:
        raise Malformed(f"more than {most} parts of a message", reason="too_complex")


def _parts(raw: bytes) -> int:
    return 2 * (raw.count(b"[") + raw.count(b"{")) + raw.count(b",")


def _reread(raw: bytes, value: Any) -> None:
    try:
        again = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_int64,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        raise Malformed("not valid JSON", reason="not_json", code=PARSE_ERROR) from None
    if again != value:
        raise Malformed("two readings of the message differ", reason="ambiguous_json")


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a key stands twice in one object", reason="duplicate_key")
    return found


def _int64(digits: str) -> int:
    # 20 characters hold every 64-bit integer; longer runs are refused before they are converted.
    if len(digits) > 20 or not _INT64[0] <= int(digits) <= _INT64[1]:  # noqa: PLR2004 - said above
        raise Malformed("an integer exceeds 64 bits", reason="number_out_of_range")
    return int(digits)


def _no_constant(_name: str) -> NoReturn:
    raise Malformed("not a JSON number", reason="not_json", code=PARSE_ERROR)


def _check_depth(value: Any) -> None:
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return
    raise Malformed(f"nested deeper than {MAX_DEPTH}", reason="too_deep")


def _classify(body: JsonObject, canonical: bytes) -> Message:
    if "method" in body:
        if "result" in body or "error" in body:
            raise Malformed("a request cannot hold a result", reason="mixed_kinds")
        return _call(body, canonical)
    if ("result" in body) == ("error" in body) or "params" in body:
        raise Malformed("neither a request nor a response", reason="mixed_kinds")
    answer = body.get("result", body.get("error"))
    if not isinstance(answer, dict):
        raise Malformed("result and error are objects", reason="bad_result")
    if "error" in body and body.get("id", "") is None:
        # JSON-RPC 2.0 section 5: an error about a request that could not be read has a null id.
        # No id says the same, and is what `error` writes.
        body = {key: value for key, value in body.items() if key != "id"}
        canonical = dumps(body)
    request_id = _id(body) if "id" in body or "result" in body else None
    return Message(kind="response", body=body, canonical=canonical, id=request_id)


def _call(body: JsonObject, canonical: bytes) -> Message:
    method = body["method"]
    if not isinstance(method, str) or not method:
        raise Malformed("the method is not a name", reason="bad_method")
    params = body.get("params", {})
    if not isinstance(params, dict):
        raise Malformed("params is not an object", reason="bad_params")
    if has_look_alike(params, _PARAMS):
        raise Malformed("a parameter looks like another one", reason="look_alike_key")
    if "id" not in body:
        return Message(kind="notification", body=body, canonical=canonical, method=method)
    return Message(kind="request", body=body, canonical=canonical, method=method, id=_id(body))


def _id(body: JsonObject) -> str | int:
    value = body.get("id")
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_SAFE_ID:
        return value
    raise Malformed("the id is not a string or a safe integer", reason="bad_id")


def _folded(key: str) -> str:
    """Fold a key as the most lenient known receiver does (case, compatibility forms, NUL)."""
    return unicodedata.normalize("NFKC", key).casefold().replace("\0", "").strip()
