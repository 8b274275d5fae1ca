"""Hostile replies of a backend, as data: framings that try to get a value past the sidecar.

A reply to `tools/list` tries to show a tool that a read-only endpoint hides, a reply to
`tools/call` a name, mail address or telephone number that policy masks. The bytes are exact; only
the id of the request is put in when they are sent. The cases stand in `hostile_lists.py` (how a
reply is framed) and `hostile_results.py` (where in a message a value hides).
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

HIDDEN: Final = "create_a_gladly_task"
SHOWN: Final = "list_all_gladly_customers"
NAME: Final = "Mara Lindqvist"
EMAIL: Final = "mara.lindqvist@example.com"
PHONE: Final = "+14155550198"
ID: Final = b"@ID@"
"""Stands in a body for the id of the request."""

SSE: Final = b"text/event-stream"
JSON: Final = b"application/json"
RECORD: Final[dict[str, Any]] = {
    "result": [
        {
            "id": "fpDL5a8GbDpnX0jfzVkd9A",
            "name": NAME,
            "emails": [{"original": EMAIL, "normalized": EMAIL}],
            "phones": [{"original": PHONE, "type": "MOBILE"}],
        }
    ],
    "result_count": 1,
    "is_partial_response": False,
}
_BASE64 = [base64.b64encode(b" " * n + EMAIL.encode())[4:-4].decode() for n in range(3)]
SECRETS: Final = tuple(s.casefold() for s in (HIDDEN, "lindqvist", "4155550198", *_BASE64))
"""What no client may be shown, folded."""


def leaks(text: str) -> bool:
    """Whether a text holds a secret, however its letters are written or pulled apart."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    folded = text.casefold()
    return any(secret in folded for secret in SECRETS)


Cut = Callable[[bytes], list[bytes]]


def whole(body: bytes) -> list[bytes]:
    """Send a body in one piece."""
    return [body]


def every(size: int) -> Cut:
    """Send a body in pieces of this many bytes, which takes no heed of characters or lines."""
    return lambda body: [body[i : i + size] for i in range(0, len(body), size)]


@dataclass(frozen=True)
class Http:
    """One HTTP answer, byte for byte.

    `headers` are whole lines. `framing` says how the end of the body is told: by a length, by
    chunks, by closing, or as `headers` say (`raw`: the body stands as it is). `before` is what is
    sent ahead of the answer. After it the connection is closed, unless it is `raw` or `stalls`.
    """

    body: bytes = b""
    type: bytes | None = JSON
    status: bytes = b"200 OK"
    headers: tuple[bytes, ...] = ()
    framing: Literal["length", "chunked", "close", "raw"] = "length"
    cut: Cut = whole
    coded: Callable[[bytes], bytes] = bytes
    version: bytes = b"HTTP/1.1"
    before: bytes = b""
    stalls: bool = False

    def written(self, request_id: bytes, *, is_last: bool = False) -> list[bytes]:
        """What to write, piece by piece; the last answer of a connection says so."""
        body = self.coded(self.body.replace(ID, request_id))
        lines = [self.version + b" " + self.status]
        if self.type is not None:
            lines.append(b"content-type: " + self.type)
        lines += [line.replace(ID, request_id) for line in self.headers]
        if is_last:
            lines.append(b"connection: close")
        pieces = self.cut(body)
        if self.framing == "length":
            lines.append(b"content-length: %d" % len(body))
        elif self.framing == "chunked":
            lines.append(b"transfer-encoding: chunked")
            pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece]
            pieces += [] if self.stalls else [b"0\r\n\r\n"]
        return [self.before + b"\r\n".join(lines) + b"\r\n\r\n", *pieces]


@dataclass(frozen=True)
class Case:
    """One hostile reply. `then` answers the GET that resumes its stream, `aside` goes out on the
    stream that the client listens on. A value that is `stated` is a documented exception: it is
    passed on knowingly, and only the clients' lists are held to hide what is hidden.
    """

    name: str
    asks: Literal["list", "call"]
    reply: Http
    then: Http | None = None
    aside: bytes = b""
    stated: bool = False


def dumps(value: Any) -> bytes:
    """JSON text, with the place of the id left open."""
    return orjson.dumps(value).replace(b'"' + ID + b'"', ID)


def message(**members: Any) -> bytes:
    """A JSON-RPC message."""
    return dumps({"jsonrpc": "2.0", **members})


def response(**members: Any) -> bytes:
    """A response to the request."""
    return message(id=ID.decode(), **members)


def tool(name: str, **more: Any) -> dict[str, Any]:
    """An entry of a list of tools."""
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def tools(entries: Iterable[Any], **more: Any) -> dict[str, Any]:
    """A list of tools, in the form of either era."""
    shared = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    return {"tools": list(entries), **shared, **more}


def listing(*names: str, **more: Any) -> bytes:
    """A response with a list of tools."""
    return response(result=tools(map(tool, names), **more))


LISTING: Final = listing(SHOWN, HIDDEN)
HARMLESS: Final = listing(SHOWN)


def called(**members: Any) -> bytes:
    """A response with a call's result."""
    return response(result={"resultType": "complete", "content": [], **members})


def said(*texts: str, **members: Any) -> bytes:
    """The same with blocks of text."""
    return called(content=[{"type": "text", "text": text} for text in texts], **members)


def text_of(value: Any) -> str:
    """JSON as the text of a block."""
    return orjson.dumps(value).decode()


RESULT: Final = said(text_of(RECORD), structuredContent=RECORD)


def event(data: bytes, *, field: bytes = b"data: ", end: bytes = b"\n") -> bytes:
    """One event with one line of data."""
    return field + data + end + end


def stream(body: bytes, **how: Any) -> Http:
    """A reply as an event stream, chunked."""
    return Http(**({"body": body, "type": SSE, "framing": "chunked"} | how))


def resumable(case: str) -> Http:
    """A stream that ends at once and may be resumed, to which `Case.then` answers.

    The case's name is the id of its event, so it has no blanks.
    """
    return stream(b"retry: 0\nid: " + case.encode() + b"\ndata:\n\n")
