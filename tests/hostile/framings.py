"""Line B6: where a request begins and ends, and which of its headers are for this hop alone."""

from __future__ import annotations

from hostile.encodings import Encode, around, chunked, swapped
from hostile.request import ALLOWED, CALL, MODERN, MODERN_CALL, Case, call

_CHUNKED = "-Content-Length\nTransfer-Encoding: chunked"
_GOOD = call(ALLOWED)
_NEXT = Case("B6", "", CALL)
_LEFT = f"POST @path@ HTTP/1.1\r\nHost: @host@\r\nContent-Length: {len(CALL) + 2}\r\n\r\n"


def _framed(
    name: str, headers: str, encode: Encode = bytes, body: str = CALL, then: Case | None = None
) -> Case:
    return Case("B6", name, body, headers, encode, then=then)


CHUNKS = (
    _framed("chunks", _CHUNKED, chunked()),
    _framed("one byte each", _CHUNKED, chunked(size=1)),
    _framed("a size in upper case", _CHUNKED, chunked(size=13, line=b"%X\r\n")),
    _framed("a size with zeros", _CHUNKED, chunked(line=b"%016x\r\n")),
    _framed("a size with a blank", _CHUNKED, chunked(line=b"%x \r\n")),
    _framed("a size with a sign", _CHUNKED, chunked(line=b"+%x\r\n")),
    _framed("a size as hexadecimal", _CHUNKED, chunked(line=b"0x%x\r\n")),
    _framed("a size with an underscore", _CHUNKED, chunked(line=b"0_%x\r\n")),
    _framed("a negative size", _CHUNKED, chunked(line=b"-%x\r\n")),
    _framed("a size beyond 64 bits", _CHUNKED, chunked(line=b"1000000000000000%x\r\n")),
    _framed("an extension", _CHUNKED, chunked(line=b"%x;a=b\r\n")),
    _framed("an extension with a quote", _CHUNKED, chunked(line=b'%x;a="\r\n')),
    _framed(
        "an extension of 10 kB", _CHUNKED, chunked(size=99, line=b"%x;" + b"a" * 10_000 + b"\r\n")
    ),
    _framed("bare line feeds", _CHUNKED, chunked(line=b"%x\n")),
    _framed("bare carriage returns", _CHUNKED, chunked(line=b"%x\r")),
    _framed("no last chunk", _CHUNKED, chunked(end=b"")),
    _framed("a last chunk of many zeros", _CHUNKED, chunked(end=b"0000\r\n\r\n")),
    _framed("trailers", _CHUNKED, chunked(end=b"0\r\nMcp-Name: x\r\nContent-Length: 0\r\n\r\n")),
    _framed(
        "trailers announced",
        f"{_CHUNKED}\nTrailer: Mcp-Name",
        chunked(end=b"0\r\nMcp-Name: list_all_gladly_tasks\r\n\r\n"),
    ),
    _framed("a folded trailer", _CHUNKED, chunked(end=b"0\r\nX: a\r\n b\r\n\r\n")),
    _framed("chunks of a modern call", f"{MODERN}\n{_CHUNKED}", chunked(), MODERN_CALL),
)

CODINGS = (
    _framed("length and chunks", "Content-Length: @length@\nTransfer-Encoding: chunked", chunked()),
    _framed("chunks and length", "Transfer-Encoding: chunked\nContent-Length: 5", chunked()),
    _framed("chunks twice", f"{_CHUNKED}\nTransfer-Encoding: chunked", chunked()),
    _framed("chunks, identity", f"{_CHUNKED}, identity", chunked()),
    _framed("identity, chunks", "-Content-Length\nTransfer-Encoding: identity, chunked", chunked()),
    _framed("identity", "Transfer-Encoding: identity"),
    _framed("gzip, chunks", "-Content-Length\nTransfer-Encoding: gzip, chunked", chunked()),
    _framed("CHUNKED", "-Content-Length\nTransfer-Encoding: CHUNKED", chunked()),
    _framed("xchunked", "-Content-Length\nTransfer-Encoding: xchunked", chunked()),
    _framed("quoted", '-Content-Length\nTransfer-Encoding: "chunked"', chunked()),
    _framed("a tab before", "-Content-Length\nTransfer-Encoding:\tchunked", chunked()),
    _framed("a vertical tab before", "-Content-Length\nTransfer-Encoding: \x0bchunked", chunked()),
    _framed("a blank before the colon", "-Content-Length\nTransfer-Encoding : chunked", chunked()),
    _framed("a folded coding", "-Content-Length\nTransfer-Encoding:\n chunked", chunked()),
    _framed("underscore", "-Content-Length\nTransfer_Encoding: chunked", chunked()),
    _framed(
        "length and a hidden coding", "Content-Length: @length@\nX: y\rTransfer-Encoding: chunked"
    ),
)

LENGTHS = (
    *(
        _framed(f"length {length or 'empty'}", f"Content-Length: {length}")
        for length in (
            "+@length@",
            "0@length@",
            "@length@, @length@",
            "@length@, 5",
            "0x5",
            "-1",
            "1e2",
            "",
            "9" * 30,
            "@length@;x",
            "@length@ 5",
            "\u00b2",
            "@length@.0",
            "5_0",
        )
    ),
    _framed("no length", "-Content-Length"),
    _framed("two lengths, the longer first", "Content-Length: @length@\nContent-Length: 5"),
    _framed("two lengths, the shorter first", "Content-Length: 5\nContent-Length: @length@"),
    _framed("a length too long", "Content-Length: 9999"),
    _framed("a length far too long", "Content-Length: 999999999999"),
    _framed("a length too short", "Content-Length: 5"),
    _framed("length 0 before a request", "Content-Length: 0", around(_LEFT.encode())),
    _framed("blank before the colon", "Content-Length : @length@"),
)

HEADS = (
    _framed("a folded header", "X-A: b\n c"),
    _framed("a folded first header", " X-A: b"),
    _framed("a header without a colon", "X-A b"),
    _framed("a header without a name", ": b"),
    _framed("a NUL in a header", "X-A: b\0c"),
    _framed("a bare carriage return", "X-A: b\rMcp-Name: c"),
    _framed("300 headers", "\n".join(f"X-{i}: {i}" for i in range(300))),
    _framed("a header of 70 kB", f"X-A: {'a' * 70_000}"),
    _framed("a header of 1 MB", f"X-A: {'a' * 1_000_000}"),
    _framed("a name of 70 kB", f"X-{'a' * 70_000}: a"),
    _framed("a continuation", "Expect: 100-continue"),
    _framed("another expectation", "Expect: 200-ok"),
    _framed("Connection names the length", "Connection: close, content-length"),
    _framed("Connection names the token", "Connection: close, authorization"),
    _framed(
        "Connection names the mirror",
        f"{MODERN}\nConnection: close, mcp-name, mcp-method",
        body=MODERN_CALL,
    ),
    _framed(
        "Connection names the version",
        f"{MODERN}\nConnection: close, mcp-protocol-version",
        body=MODERN_CALL,
    ),
    _framed("hop by hop", "Keep-Alive: timeout=5\nTE: trailers\nProxy-Connection: close"),
    Case("B6", "blank lines before", start="\r\n\r\nPOST @path@ HTTP/1.1"),
    Case("B6", "a space before", start=" POST @path@ HTTP/1.1"),
    Case("B6", "a line feed after the start", start="POST @path@ HTTP/1.1\nX: y"),
)

SECONDS = (
    _framed("allowed, then refused", "", body=_GOOD, then=_NEXT),
    _framed("refused twice", "", then=_NEXT),
    _framed("refused, then allowed", "", then=Case("B6", "", _GOOD)),
    _framed(
        "a list, then the hidden tool",
        "",
        body='{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
        then=_NEXT,
    ),
    _framed("a wrong type, then refused", "Content-Type: text/plain", then=_NEXT),
    _framed("a wrong token, then refused", "Authorization: Bearer x", then=_NEXT),
    _framed("after chunks", _CHUNKED, chunked(), _GOOD, _NEXT),
    _framed("in the rest of a length", "Content-Length: 0", body="", then=_NEXT),
    _framed("after a shorter length", "Content-Length: 20", body=_GOOD, then=_NEXT),
    _framed(
        "after both framings",
        "Content-Length: 5\nTransfer-Encoding: chunked",
        lambda _: b"0\r\n\r\n",
        _GOOD,
        _NEXT,
    ),
    _framed(
        "after a zero chunk",
        "Transfer-Encoding: chunked\nContent-Length: @length@",
        lambda _: b"0\r\n\r\n",
        _GOOD,
        _NEXT,
    ),
    _framed("in a body that is closed", "Connection: close", body=_GOOD, then=_NEXT),
    _framed(
        "within the allowed",
        "",
        swapped(b'"case"', b'"x":"\\r\\n\\r\\nPOST /mcp","case"'),
        _GOOD,
        _NEXT,
    ),
    Case("B6", "after a GET with a body", CALL, start="GET @path@ HTTP/1.1", then=_NEXT),
    Case(
        "B6",
        "after a DELETE",
        CALL,
        "Content-Length: 0",
        lambda _: b"",
        start="DELETE @path@ HTTP/1.1",
        then=_NEXT,
    ),
    Case(
        "B6",
        "after an OPTIONS",
        CALL,
        "Content-Length: 0",
        lambda _: b"",
        start="OPTIONS @path@ HTTP/1.1",
        then=_NEXT,
    ),
    Case("B6", "after an unknown path", CALL, start="POST /nowhere HTTP/1.1", then=_NEXT),
)

CASES = CHUNKS + CODINGS + LENGTHS + HEADS + SECONDS
