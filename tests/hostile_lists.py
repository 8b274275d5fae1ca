"""How a hostile reply is framed: events, lines, JSON text, HTTP. See `hostile_replies.py`."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import gzip
import zlib
from typing import Final

from hostile_replies import (
    EMAIL,
    HARMLESS,
    HIDDEN,
    LISTING,
    SHOWN,
    SSE,
    Case,
    Http,
    dumps,
    event,
    every,
    listing,
    message,
    response,
    resumable,
    stream,
    tool,
    tools,
)

_BOM = b"\xef\xbb\xbf"
_PARTS = LISTING.partition(b',"result"')
_RESULT = b',"result":' + dumps(tools([tool(HIDDEN)]))
_FOREIGN = listing(HIDDEN).replace(b"@ID@", b"987654")
_TEXTUAL = listing(HIDDEN).replace(b"@ID@", b'"@ID@"')
_ACCENTED = listing(SHOWN, HIDDEN, _meta={"note": "é" * 40})
_SPLIT = b"a\xe2\x80\xa8\xe2\x80\xa8data: " + _FOREIGN + b"\xe2\x80\xa8\xe2\x80\xa8"


def _lines(body: bytes, end: bytes) -> bytes:
    """JSON over several data lines, cut where JSON allows a line end."""
    return b"data: " + body.replace(b",", b"," + end + b"data: ") + end + end


def _stream(name: str, body: bytes, **how: object) -> Case:
    return Case(f"stream: {name}", "list", stream(body, **how))


def _json(name: str, body: bytes, **how: object) -> Case:
    return Case(f"body: {name}", "list", Http(body=body, **how))  # type: ignore[arg-type]


def _both(name: str, body: bytes) -> tuple[Case, Case]:
    """The same message as a body and as an event."""
    return _json(name, body), _stream(name, event(body))


EVENTS: Final = (
    _stream("plain", event(LISTING)),
    _stream("a byte order mark first", _BOM + event(LISTING)),
    _stream("two byte order marks first", _BOM + _BOM + event(LISTING)),
    _stream("a byte order mark inside", event(_BOM + LISTING)),
    _stream("CRLF", event(LISTING, end=b"\r\n")),
    _stream("CR alone", event(LISTING, end=b"\r") + b": end\r\r"),
    _stream("mixed line ends", b"event: message\r" + b"data: " + LISTING + b"\r\n\n"),
    _stream("one byte at a time", event(LISTING, end=b"\r\n"), cut=every(1)),
    _stream("cut inside characters", event(_ACCENTED), cut=every(1)),
    _stream("several data lines", _lines(LISTING, b"\n")),
    _stream("several data lines with CR", _lines(LISTING, b"\r") + b"\r"),
    _stream("CR as white space of the JSON", event(LISTING.replace(b',"result"', b',\r"result"'))),
    _stream("no space after the colon", event(LISTING, field=b"data:")),
    _stream("a tab after the colon", event(LISTING, field=b"data:\t")),
    _stream("upper-case field", event(LISTING, field=b"DATA: ") + event(HARMLESS)),
    _stream("indented field", event(LISTING, field=b" data: ") + event(HARMLESS)),
    _stream("space before the colon", event(LISTING, field=b"data : ") + event(HARMLESS)),
    _stream("unknown field", event(LISTING, field=b"date: ") + event(HARMLESS)),
    _stream("a comment", event(LISTING, field=b": ") + event(HARMLESS)),
    _stream("another type of event", b"event: tools\n" + event(LISTING)),
    _stream("the type of an empty event", b"event: " + LISTING + b"\ndata:\n\n" + event(HARMLESS)),
    _stream("endpoint event", b"event: endpoint\ndata: /mcp/" + HIDDEN.encode() + b"\n\n"),
    _stream("two values in one event", event(HARMLESS + LISTING)),
    _stream("two values on two lines", b"data: " + HARMLESS + b"\n" + event(LISTING)),
    _stream("never finished", b"data: " + LISTING + b"\n"),
    _stream("a NUL after the JSON", event(LISTING + b"\0")),
    _stream("after the final response", event(HARMLESS) + event(LISTING)),
    _stream("a response to another request first", event(_FOREIGN) + event(HARMLESS)),
    _stream("an event of five megabytes", event(listing(SHOWN, HIDDEN, fill="x" * 5_000_000))),
    _stream("an event within an event", event(_SPLIT) + event(HARMLESS)),
    _stream("declared to be UTF-7", event(LISTING.replace(b"_", b"+AF8-")), type=SSE + b"; charset=utf-7"),
    _stream("declared to be UTF-16", event(LISTING).decode().encode("utf-16"), type=SSE + b"; charset=utf-16"),
    _stream("a value in the type's parameter", event(HARMLESS), type=SSE + b"; x=" + HIDDEN.encode()),
    _stream("declared to be JSON too", event(LISTING), headers=(b"content-type: application/json",)),
    _stream("with an odd type", event(LISTING), type=b"text/event-streams"),
    _stream("in upper case", event(LISTING), type=b"TEXT/Event-Stream"),
    _stream("compressed", event(LISTING), coded=gzip.compress, headers=(b"content-encoding: gzip",)),
    _stream("status 203", event(LISTING), status=b"203 Odd"),
    _stream("status 404", event(LISTING), status=b"404 Not Found"),
    _stream("stalls in the middle", event(LISTING)[:-40], stalls=True),
    Case("resumed:list", "list", resumable("resumed:list"), stream(event(LISTING))),
    Case(
        "resumed:list-of-another-id", "list",
        resumable("resumed:list-of-another-id"), stream(event(_FOREIGN)),
    ),
    Case("resumed:JSON", "list", resumable("resumed:JSON"), Http(LISTING)),
    Case("listener: a list", "list", stream(b": wait\n\n"), aside=event(LISTING)),
    Case("listener: an odd list", "list", stream(b": wait\n\n"), aside=event(_TEXTUAL)),
)  # fmt: skip

MESSAGES: Final = (
    *_both("duplicate result, the harmless one first", HARMLESS[:-1] + _RESULT + b"}"),
    *_both("duplicate result, the harmless one last", _PARTS[0] + _RESULT + HARMLESS.partition(b"@ID@")[2]),
    *_both("duplicate result, escaped", HARMLESS[:-1] + _RESULT.replace(b"su", b"s\\u0075") + b"}"),
    *_both("duplicate tools", HARMLESS.replace(b'"resultType"', b'"tools":[' + dumps(tool(HIDDEN)) + b'],"resultType"')),
    *_both("names in escapes", LISTING.replace(b"_", b"\\u005f")),
    *_both("an id of another type", _TEXTUAL),
    *_both("an id with a fraction", LISTING.replace(b"@ID@", b"@ID@.0")),
    *_both("an id of null", LISTING.replace(b"@ID@", b"null")),
    *_both("no id", LISTING.replace(b'"id":@ID@,', b"")),
    *_both("another id", _FOREIGN),
    *_both("an array of responses", b"[" + LISTING + b"]"),
    *_both("an array, the harmless one first", b"[" + HARMLESS + b"," + _FOREIGN + b"]"),
    *_both("a method and a result", LISTING[:-1] + b',"method":"notifications/message"}'),
    *_both("an error and a result", LISTING[:-1] + b',"error":{"code":1,"message":"x"}}'),
    *_both("no version of JSON-RPC", LISTING.replace(b'"jsonrpc":"2.0",', b"")),
    *_both("an unknown member", HARMLESS[:-1] + b',"Result":' + dumps(tools([tool(HIDDEN)])) + b"}"),
    *_both("a list in the list's result", response(result=tools([], result=tools([tool(HIDDEN)])))),
    *_both("a list as an object", response(result={"tools": {"0": tool(HIDDEN)}})),
    *_both("a list in a list", response(result=tools([[tool(HIDDEN)]]))),
    *_both("a list in _meta", response(result=tools([], _meta={"tools": [tool(HIDDEN)]}))),
    *_both("a list as the cursor", response(result=tools([], nextCursor={"tools": [tool(HIDDEN)]}))),
    *_both("a list in an error", response(error={"code": 1, "message": "x", "data": tools([tool(HIDDEN)])})),
    *_both("a result that is a list", response(result=[tool(HIDDEN)])),
    *_both("another case", listing(SHOWN, HIDDEN.title())),
    *_both("zero width", listing(SHOWN, HIDDEN.replace("_a_", "_\u200ba_"))),
    *_both("full width", listing(SHOWN, HIDDEN.replace("a", "ａ"))),
    *_both("a blank after the name", listing(SHOWN, HIDDEN + " ")),
    *_both("as a title", response(result=tools([tool(SHOWN, title=HIDDEN)]))),
    *_both("an address as an icon", response(result=tools([tool(SHOWN, icons=[{"src": f"x:{EMAIL}"}])]))),
    *_both("an address in an entry's _meta", response(result=tools([tool(SHOWN, _meta={"by": EMAIL, EMAIL: 1})]))),
    *_both("an address in the list's _meta", response(result=tools([tool(SHOWN)], _meta={"by": EMAIL}))),
    *_both("an address in an odd member", response(result=tools([tool(SHOWN, by=EMAIL)]))),
    *_both("an entry with two names", response(result=tools([tool(SHOWN, Name=HIDDEN)]))),
    *_both("a list of another case", response(result=tools([tool(SHOWN)], Tools=[tool(HIDDEN)]))),
    *_both("a list of full width", response(result=tools([tool(SHOWN)], ｔools=[tool(HIDDEN)]))),
    *_both("twice, differently described", response(result=tools([tool(SHOWN), tool(SHOWN, description=HIDDEN)]))),
    *_both("a name that is no text", response(result=tools([tool(SHOWN), {"name": [HIDDEN]}]))),
    *_both("a question instead", response(result=tools([], resultType="input_required", inputRequests={
        "q": {"method": "elicitation/create", "params": {"message": HIDDEN, "requestedSchema": {"type": "object", "properties": {}}}}}))),
    _stream("a notification of the list", event(message(method="notifications/tools/list_changed", params={"tools": [tool(HIDDEN)]})) + event(HARMLESS)),
)  # fmt: skip

BODIES: Final = (
    _json("plain", LISTING),
    _json("a byte order mark", _BOM + LISTING),
    _json("bytes after it", LISTING + b"x"),
    _json("a NUL after it", LISTING + b"\0"),
    _json("two values", HARMLESS + LISTING),
    _json("UTF-16 declared", LISTING.decode().encode("utf-16"), type=b"application/json; charset=utf-16"),
    _json("UTF-16 not declared", LISTING.decode().encode("utf-16-le")),
    _json("declared to be UTF-7", LISTING.replace(b"_", b"+AF8-"), type=b"application/json; charset=utf-7"),
    *(
        _json(f"as {kind!r}", LISTING, type=kind.encode() if kind is not None else None)
        for kind in (
            None, "", "application/jsonp", "application/json-seq", "application/json, text/event-stream",
            "application/json;", "APPLICATION/JSON", "text/json", "application/vnd.api+json", "text/plain",
            "text/event-stream", "application/json; charset=latin-1", "application/json;profile=x",
        )
    ),
    _json("two content types", LISTING, headers=(b"content-type: text/plain",)),
    _json("gzip", LISTING, coded=gzip.compress, headers=(b"content-encoding: gzip",)),
    _json("x-gzip", LISTING, coded=gzip.compress, headers=(b"content-encoding: X-Gzip",)),
    _json("gzip without a header", LISTING, coded=gzip.compress),
    _json("gzip under two headers", LISTING, coded=gzip.compress, headers=(b"content-encoding: identity", b"content-encoding: gzip")),
    _json("deflate", LISTING, coded=zlib.compress, headers=(b"content-encoding: deflate",)),
    _json("a header without gzip", LISTING, headers=(b"content-encoding: gzip",)),
    _json("closed at its end", LISTING, version=b"HTTP/1.0", framing="close"),
    _json("in small chunks", LISTING, framing="chunked", cut=every(3)),
    _json("stalls", LISTING[:-9], framing="chunked", stalls=True),
    _json("with a trailer", HARMLESS, framing="raw", headers=(b"transfer-encoding: chunked", b"trailer: x-tools"),
          coded=lambda body: b"%x;n=%s\r\n%s\r\n0\r\nx-tools: %s\r\n\r\n" % (len(body), HIDDEN.encode(), body, HIDDEN.encode())),
    _json("shorter than it is", HARMLESS, framing="raw", headers=(b"content-length: 9",)),
    _json("longer than it is", LISTING, framing="raw", headers=(b"content-length: 99999",)),
    _json("two lengths", LISTING, headers=(b"content-length: 2",)),
    _json("a length and chunks", LISTING, framing="chunked", headers=(b"content-length: 2",)),
    _json("an answer behind the answer", HARMLESS, framing="raw", headers=(b"content-length: 0",),
          coded=lambda body: Http(listing(HIDDEN)).written(b"1")[0] + body),
    _json("early hints", HARMLESS, before=b"HTTP/1.1 103 Early Hints\r\nlink: <" + HIDDEN.encode() + b">\r\n\r\n"),
    _json("a redirect with the list in it", LISTING, status=b"302 Found", headers=(b"location: /" + HIDDEN.encode(),)),
    _json("a redirect to the list", b"", status=b"307 Temporary Redirect", headers=(b"location: /elsewhere",)),
    *(
        _json(f"status {status}", LISTING, status=status.encode())
        for status in ("201 Created", "202 Accepted", "203 Odd", "206 Partial Content", "226 Used",
                       "400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found",
                       "418 Odd", "500 Oh", "503 Busy")
    ),
    _json("status 204", LISTING, status=b"204 No Content"),
    _json("a page of an error", b"<p>" + HIDDEN.encode(), type=b"text/html", status=b"400 Bad Request"),
    _json("a notification as an error", message(method=HIDDEN), status=b"400 Bad Request"),
    _json("a request as an error", message(method=HIDDEN, id=1), status=b"404 Not Found"),
    *(
        _json(f"header {name}", HARMLESS, headers=(name.encode() + b": " + HIDDEN.encode(),))
        for name in ("set-cookie", "location", "www-authenticate", "x-tools", "server", "link", "etag",
                     "retry-after", "mcp-name", "content-disposition", "access-control-allow-origin")
    ),
    _json("a broken header", HARMLESS, headers=(b"x-ratelimit-left: 1\rx-tools: " + HIDDEN.encode(),)),
    Case("body: status 429", "list", Http(LISTING, status=b"429 Slow"), stated=True),
)  # fmt: skip

LISTS: Final = EVENTS + MESSAGES + BODIES
