"""Second readings of the same bytes: slow, plain, and written from the specifications alone."""

from __future__ import annotations

import json
import math
import unicodedata
from string import ascii_letters, digits
from typing import Any, Final

from sidecar.sse import ServerEvent

_MEMBERS: Final = ("jsonrpc", "id", "method", "params", "result", "error")
_PARAMS: Final = ("name", "arguments", "uri", "cursor", "ref", "argument", "_meta")
_DEEPEST: Final = 64
_MOST: Final = 2**53 - 1
_LONGEST_ID: Final = 200
_IN_IDS: Final = frozenset((ascii_letters + digits + "._:/+=@|~-").encode())


def message(raw: bytes) -> dict[str, Any] | None:
    """What a JSON-RPC message says, by the standard library's parser; None if it is refused."""
    try:
        text = raw.decode("utf-8")
        body = json.loads(
            text, object_pairs_hook=_once, parse_int=_int, parse_float=_float, parse_constant=_none
        )
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # no lone surrogates
    except (ValueError, RecursionError):
        return None
    is_message = isinstance(body, dict) and _depth(body) <= _DEEPEST and _is_message(body)
    return body if is_message else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("twice")
        found[key] = value
    return found


def _int(text: str) -> int:
    value = int(text)
    if not -(2**63) <= value < 2**64:
        raise ValueError("too large")
    return value


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("too large")
    return value


def _none(name: str) -> None:
    raise ValueError(name)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _is_message(body: dict[str, Any]) -> bool:
    if body.get("jsonrpc") != "2.0" or any(key not in _MEMBERS for key in body):
        return False
    if "method" in body:
        return _is_call(body)
    answers = [body[key] for key in ("result", "error") if key in body]
    if len(answers) != 1 or not isinstance(answers[0], dict) or "params" in body:
        return False
    is_anonymous = "error" in body and body.get("id") is None
    return is_anonymous or _is_id(body.get("id"))


def _is_call(body: dict[str, Any]) -> bool:
    params = body.get("params", {})
    return (
        isinstance(body["method"], str)
        and body["method"] != ""
        and "result" not in body
        and "error" not in body
        and isinstance(params, dict)
        and not any(key not in _PARAMS and plain(key) in _PARAMS for key in params)
        and ("id" not in body or _is_id(body["id"]))
    )


def _is_id(value: Any) -> bool:
    return type(value) is str or (type(value) is int and -_MOST <= value <= _MOST)


def plain(key: str) -> str:
    """A key as the most lenient receiver reads it."""
    return unicodedata.normalize("NFKC", key).casefold().replace("\0", "").strip()


def events(raw: bytes, most: int) -> list[ServerEvent] | None:
    """The complete events of a stream, by WHATWG HTML section 9.2.6; None if one is too large.

    The sidecar differs on purpose: comments are events without data, a block with nothing but an
    id or a time is an event with empty data, and odd ids and times are dropped.
    """
    found: list[ServerEvent] = []
    block: list[bytes] = []
    *lines, rest = _lines(raw.removeprefix(b"\xef\xbb\xbf"))
    for line in lines:
        if line.startswith(b":"):
            found.append(ServerEvent(data=None))
        if line:
            block.append(line)
        if sum(map(len, block)) > most:
            return None
        if not line:
            found += _dispatched(block)
            block = []
    return None if sum(map(len, block)) + len(rest) > most else found


def _lines(raw: bytes) -> list[bytes]:
    lines = [b""]
    for index in range(len(raw)):
        byte = raw[index : index + 1]
        if byte == b"\n" and raw[index - 1 : index] == b"\r":
            continue
        if byte in {b"\r", b"\n"}:
            lines.append(b"")
        else:
            lines[-1] += byte
    return lines


def _dispatched(block: list[bytes]) -> list[ServerEvent]:
    data: list[bytes] = []
    name, last_id, retry = b"", None, None
    for line in block:
        field, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        match field:
            case b"data":
                data.append(value)
            case b"event":
                name = value
            case b"id" if len(value) <= _LONGEST_ID and all(byte in _IN_IDS for byte in value):
                last_id = value
            case b"retry" if 0 < len(value) < 10 and all(48 <= byte < 58 for byte in value):
                retry = int(value)
    if not data and last_id is None and retry is None:
        return []
    return [ServerEvent(b"\n".join(data), name, last_id, retry)]
