"""What may come in at all, judged on the head of a request; pure functions, no I/O.

`admit` looks before anybody is asked who they are; `confirm` and `confirm_params` hold the mirrored
MCP headers against the parsed body, which alone decides (MCP 2026-07-28, "Request Metadata" and
"Server Validation").
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.errors import Inadmissible, Malformed, NotFound
from sidecar.jsonrpc import HEADER_MISMATCH, INVALID_PARAMS
from sidecar.model import Head, Message

MODERN: Final = "2026-07-28"
"""The first revision without a handshake; older ones negotiate with `initialize`."""

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"

_PATH: Final = re.compile(r"/mcp(/[A-Za-z0-9_-]{1,128})?")
_OLD_PATHS: Final = frozenset({"/sse", "/message", "/messages"})
_VERBS: Final = frozenset({"POST", "GET", "DELETE"})
_SINGLE: Final = (
    "authorization",
    "content-type",
    "content-length",
    "content-encoding",
    "host",
    "origin",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
    "last-event-id",
)
_CONTENT_TYPE: Final = re.compile(r"application/json(\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE)
_NAMED_BY: Final = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""Which parameter `Mcp-Name` mirrors (MCP 2026-07-28, "Standard Headers"; SEP-2663 for tasks)."""
_PARAM: Final = "mcp-param-"
_VERSION: Final = re.compile(r"[\x21-\x7e]{1,64}")
"""Visible ASCII: the claim is mirrored in a header, where a line end would begin another one."""
_WRAPPED: Final = re.compile(r"=\?base64\?([A-Za-z0-9+/=]*)\?=")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the edge lets in: exact Host values (with port, lower case), origins, body size."""

    hosts: frozenset[str]
    origins: frozenset[str]
    request_bytes: int


def admit(head: Head, rules: Rules) -> None:
    """Refuse what needs no caller to be refused.

    Raises:
        NotFound: any path but `/mcp` and `/mcp/<token>`, exactly; a query string counts.
        Inadmissible: 405 verb, 403 Host or Origin (DNS rebinding), 415 type, 413 size.
        Malformed: a header that must be single is not.
    """
    if head.path in _OLD_PATHS:
        public = "HTTP+SSE (2024-11-05) is not served here. Use Streamable HTTP: POST to /mcp."
        raise NotFound("the transport of 2024-11-05", reason="http_sse", public=public)
    if not _PATH.fullmatch(head.path):
        raise NotFound("no such path")
    if head.verb not in _VERBS:
        raise Inadmissible(
            "verb", reason="verb", status=405, headers=(("allow", "POST, GET, DELETE"),)
        )
    check_single(head)
    if head.get("host").lower() not in rules.hosts:
        raise Inadmissible("host", reason="host", public="This Host is not served here.")
    origin = head.get("origin")
    if origin and origin.lower() not in rules.origins:
        raise Inadmissible("origin", reason="origin", public="This Origin is not allowed.")
    if head.verb == "POST":
        check_body_headers(head, rules.request_bytes)


def is_modern(message: Message) -> bool:
    """Whether a message speaks the stateless era. The body says so; headers only confirm."""
    return claimed_version(message) is not None


def claimed_version(message: Message) -> str | None:
    """The revision that the body itself names; only the stateless era does so.

    Raises:
        Malformed: what stands there is no text, or none that the header which mirrors it can hold.
    """
    meta = message.params.get("_meta")
    claim = meta.get(META_VERSION) if isinstance(meta, dict) else None
    if claim is None:
        return None
    if not isinstance(claim, str) or not _VERSION.fullmatch(claim):
        raise Malformed("version is no plain text", reason="bad_version", code=INVALID_PARAMS)
    return claim


def speaks_modern(head: Head) -> bool:
    """Whether a request says so in its header, which `confirm` holds against the body."""
    return head.get("mcp-protocol-version") >= MODERN


def confirm(head: Head, message: Message) -> None:
    """Refuse a request whose mirrored headers say something else than its body.

    Raises:
        Malformed: -32020 for a mismatch or a missing header, -32602 for a modern version header
            on a message that carries no version itself.
    """
    claim = claimed_version(message)
    version = head.get("mcp-protocol-version")
    if claim is not None:
        _equal("MCP-Protocol-Version", version, claim)
    elif version >= MODERN:
        raise Malformed(
            "modern header, legacy body",
            reason="version_missing",
            code=INVALID_PARAMS,
            public=f"params._meta must hold {META_VERSION}.",
        )
    named = message.params.get(_NAMED_BY.get(message.method, ""))
    must_have = claim is not None and message.kind == "request"
    if must_have or head.get("mcp-method"):
        _equal("Mcp-Method", head.get("mcp-method"), message.method)
    if head.get("mcp-name") or (must_have and named is not None):
        _equal("Mcp-Name", _unwrapped(head.get("mcp-name")), named)


def confirm_params(head: Head, message: Message, paths: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a request with an `Mcp-Param-*` header that differs from the argument it stands for.

    `paths` are what the tool's schema says, by the header's name without its prefix. A header that
    is not among them must bear an argument's own name, whose case a header cannot keep.

    Raises:
        Malformed: -32020, also for a header that stands for no argument of this message.
    """
    given = message.params.get("arguments")
    arguments: Any = given if isinstance(given, dict) else {}
    for key, value in head.headers:
        name = key.removeprefix(_PARAM)
        if name == key:
            continue
        if name in paths:
            meant = [_at(arguments, paths[name])]
        else:
            meant = [found for own, found in arguments.items() if own.lower() == name]
        if {_text(one) for one in meant} != {_unwrapped(value)}:
            _equal(key, value, None)


def mirrored(message: Message) -> list[tuple[str, str]]:
    """Write the headers that mirror a modern message anew from its body."""
    version = claimed_version(message)
    if version is None:
        return []
    headers = [("mcp-protocol-version", version), ("mcp-method", message.method)]
    named = message.params.get(_NAMED_BY.get(message.method, ""))
    if isinstance(named, str):
        headers.append(("mcp-name", _wrapped(named)))
    return headers


def check_single(head: Head) -> None:
    """Refuse a head in which two receivers could read two things.

    Raises:
        Malformed: a header that must be single is not.
    """
    seen = set()
    for name, _ in head.headers:
        if name in _SINGLE:
            if name in seen:
                raise Malformed("repeated header", reason="repeated_header", code=HEADER_MISMATCH)
            seen.add(name)


def check_body_headers(head: Head, limit: int) -> None:
    """Refuse a body by what the head says of it; `limit` is in bytes.

    Raises:
        Inadmissible: 415 it is no plain JSON, 413 it is too large.
    """
    if not _CONTENT_TYPE.fullmatch(head.get("content-type").strip()):
        raise Inadmissible(
            "content type",
            reason="content_type",
            status=415,
            public="Content-Type must be application/json, in UTF-8.",
        )
    if head.get("content-encoding", "identity").lower() != "identity":
        raise Inadmissible(
            "content encoding",
            reason="content_encoding",
            status=415,
            public="A compressed body is not accepted.",
        )
    length = head.get("content-length", "0")
    if not length.isdecimal() or len(length) > 15 or int(length) > limit:  # noqa: PLR2004 - a petabyte
        raise too_large(limit)


def too_large(limit: int) -> Inadmissible:
    """The refusal of a body over the limit, before or while it is read."""
    return Inadmissible(
        "body too large",
        reason="too_large",
        status=413,
        public=f"The body exceeds {limit} bytes.",
    )


def _equal(name: str, header: str, body: Any) -> None:
    if header != body:
        raise Malformed(
            f"{name} differs from the body",
            reason="header_mismatch",
            code=HEADER_MISMATCH,
            public=f"Header {name} is missing or differs from the body.",
        )


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _unwrapped(value: str) -> str:
    match = _WRAPPED.fullmatch(value)
    if not match:
        return value
    try:
        text = base64.b64decode(match[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if base64.b64encode(text.encode()).decode() != match[1]:
        raise Malformed("bad base64 header", reason="header_mismatch", code=HEADER_MISMATCH)
    return text


def _wrapped(value: str) -> str:
    is_plain = value.isascii() and value.isprintable() and value == value.strip()
    if is_plain and value and not _WRAPPED.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="
