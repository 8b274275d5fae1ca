"""Lines A1, A2, A9 and A10: what the bytes of a body are, and what the headers say they are."""

from __future__ import annotations

import gzip
import zlib

from hostile.encodings import (
    Encode,
    around,
    brotli,
    members,
    raw_deflate,
    swapped,
    to,
    zstd,
)
from hostile.request import CALL, CLAIM, MODERN, MODERN_CALL, Case, call

JSON = "Content-Type: application/json"
_PLUS = call('"+AGM-reate_a_gladly_task"')
_MODERN_PLUS = call('"+AGM-reate_a_gladly_task"', params=f",{CLAIM}")
_HZ = call('"~{~}create_a_gladly_task"')
_FORM = "jsonrpc=2.0&id=1&method=tools/call&params[name]=create_a_gladly_task"
_PART = f"--b\r\nContent-Type: application/json\r\n\r\n{CALL}\r\n--b--\r\n"
_NUMBER = call(arguments='{"case":"@case@","n":%s}')


def _charset(value: str, encode: Encode = bytes, body: str = CALL) -> Case:
    return Case("A1", f"charset {value}", body, f"{JSON}; charset={value}", encode)


CHARSETS = (
    _charset("utf-7", body=_PLUS),
    _charset("UTF-7", body=_PLUS),
    _charset('"utf-7"', body=_PLUS),
    _charset("unicode-1-1-utf-7", body=_PLUS),
    _charset("utf-7-imap", body=_PLUS.replace("+", "&")),
    _charset("utf-16", to("utf-16")),
    _charset("utf-16le", to("utf-16-le")),
    _charset("utf-16be", to("utf-16-be")),
    _charset("utf-32", to("utf-32")),
    _charset("utf-32le", to("utf-32-le")),
    _charset("utf-32be", to("utf-32-be")),
    _charset("ucs-2", to("utf-16-le")),
    _charset("iso-8859-1"),
    _charset("latin1"),
    _charset("windows-1252"),
    _charset("us-ascii"),
    _charset("shift_jis"),
    _charset("gbk"),
    _charset("cp037", to("cp037")),
    _charset("hz-gb-2312", body=_HZ),
    _charset("iso-2022-jp", swapped(b"create_", b"\x1b(Bcreate_")),
    _charset("utf8"),
    _charset("'utf-8'"),
    _charset('"utf-8"'),
    _charset("utf-8; charset=utf-7", body=_PLUS),
    _charset("utf-7; charset=utf-8", body=_PLUS),
    _charset("utf-16; charset=utf-8", to("utf-16")),
    _charset(""),
    Case("A1", "charset with blanks around the sign", _PLUS, f"{JSON}; charset = utf-7"),
    Case("A1", "charset in extended notation", _PLUS, f"{JSON}; charset*=us-ascii''utf-7"),
    Case("A1", "utf-7 of a modern call", _MODERN_PLUS, f"{JSON}; charset=utf-7\n{MODERN}"),
)


def _coded(value: str, encode: Encode = bytes, more: str = "") -> Case:
    return Case("A2", f"{value} {more}".strip(), CALL, f"Content-Encoding: {value}{more}", encode)


CODINGS = (
    _coded("gzip", gzip.compress),
    _coded("GZip", gzip.compress),
    _coded("x-gzip", gzip.compress),
    _coded("deflate", zlib.compress),
    _coded("Deflate", raw_deflate),
    _coded("br", brotli),
    _coded("zstd", zstd),
    _coded("gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    _coded("identity, gzip", gzip.compress),
    _coded("gzip, identity", gzip.compress),
    _coded("gzip;q=1", gzip.compress),
    _coded("identity", gzip.compress),
    _coded("aws-chunked"),
    _coded(""),
    _coded("identity", gzip.compress, "\nContent-Encoding: gzip"),
    _coded("gzip", gzip.compress, "\nContent-Encoding: identity"),
    Case("A2", "two gzip members", CALL, "Content-Encoding: gzip ", members),
    Case(
        "A2", "gzip with a tail", CALL, "Content-Encoding:\tgzip", lambda b: gzip.compress(b) + b"x"
    ),
    Case("A2", "gzip said by nobody", CALL, "", gzip.compress),
    Case(
        "A2",
        "a gzipped modern call",
        MODERN_CALL,
        f"{MODERN}\nContent-Encoding: gzip",
        gzip.compress,
    ),
    Case(
        "A2",
        "a bomb",
        CALL,
        "Content-Encoding: gzip",
        lambda b: gzip.compress(b + b" " * 9_000_000),
    ),
)


def _number(name: str, text: str) -> Case:
    return Case("A9", name, _NUMBER % text)


def _bytes(name: str, encode: Encode, body: str = CALL) -> Case:
    return Case("A9", name, body, "", encode)


def _nested(name: str, text: str) -> Case:
    return Case("A9", name, call(arguments=f'{{"case":"@case@","n":{text}}}'))


TEXTS = (
    _bytes("byte order mark", around(b"\xef\xbb\xbf")),
    _bytes("two byte order marks", around(b"\xef\xbb\xbf\xef\xbb\xbf")),
    _bytes("utf-16 with a mark", to("utf-16")),
    _bytes("utf-16, little end first", to("utf-16-le")),
    _bytes("utf-16, big end first", to("utf-16-be")),
    _bytes("utf-32 with a mark", to("utf-32")),
    _bytes("utf-32, little end first", to("utf-32-le")),
    _bytes("utf-32, big end first", to("utf-32-be")),
    Case("A9", "utf-16 of a modern call", MODERN_CALL, MODERN, to("utf-16")),
    Case("A9", "a modern call after a mark", MODERN_CALL, MODERN, around(b"\xef\xbb\xbf")),
    _bytes("an invalid byte in an argument", swapped(b'"case":', b'"x":"\xff","case":')),
    _bytes("an invalid byte in a key", swapped(b'"case":', b'"\xff":1,"case":')),
    _bytes("a cut sequence", swapped(b'"case":', b'"x":"\xe2\x82","case":')),
    _bytes("an overlong letter in the name", swapped(b"create_", b"\xc1\xa3reate_")),
    _bytes("an overlong quote", swapped(b'"case":', b'"x":"\xc0\xa2","case":')),
    _bytes("surrogates as bytes", swapped(b'"case":', b'"x":"\xed\xa0\x80","case":')),
    _bytes("beyond the last code point", swapped(b'"case":', b'"x":"\xf4\x90\x80\x80","case":')),
    _bytes("a tail of one NUL", around(b"", b"\0")),
    _bytes("a record separator", around(b"\x1e", b"\n")),
    _bytes("a form feed before", around(b"\f")),
    _bytes("a no-break space before", around("\u00a0".encode())),
    _bytes("a line separator after", around(b"", "\u2028".encode())),
    _bytes("blanks of every legal kind", around(b" \t\r\n" * 50, b"\n")),
    _bytes("a guard before", around(b")]}'\n")),
    _bytes("a comment", around(b"/* x */")),
    _bytes("a trailing comma", swapped(b"}}}", b"},}}")),
    _bytes("single quotes", swapped(b'"', b"'")),
    _bytes("a tail of a second value", around(b"", b"1")),
    _bytes("nothing at all", lambda _: b""),
    _bytes("null", lambda _: b"null"),
    _bytes("the call as a string", lambda b: b'"' + b.replace(b'"', b'\\"') + b'"'),
    _bytes("a raw line end in a string", swapped(b'"case":', b'"x":"a\nb","case":')),
    _bytes("a raw NUL in a string", swapped(b'"case":', b'"x":"a\0b","case":')),
    Case("A9", "a lone surrogate in an argument", _NUMBER % '"\\ud800"'),
    Case("A9", "a low surrogate first", _NUMBER % '"\\udc00\\ud800"'),
    Case("A9", "a lone surrogate in a key", call(arguments='{"case":"@case@","\\udfff":1}')),
    Case("A9", "a lone surrogate in the name", call('"create_a_gladly_task\\ud800"')),
    Case("A9", "a lone surrogate in the claim", call(params=',"_meta":{"x":"\\udead"}')),
    _number("NaN", "NaN"),
    _number("Infinity", "Infinity"),
    _number("minus Infinity", "-Infinity"),
    _number("overflow", "1e999"),
    _number("negative overflow", "-1E+999"),
    _number("underflow", "1e-999"),
    _number("a leading zero", "01"),
    _number("a plus", "+1"),
    _number("hexadecimal", "0x1"),
    _number("no digit after the point", "1."),
    _number("no digit before the point", ".5"),
    _number("beyond 64 bits", str(2**64)),
    _number("5000 digits", "9" * 5000),
    _number("5000 digits after the point", "0." + "1" * 5000),
    _number("an exponent of 400 digits", "1e" + "9" * 400),
    _nested("arrays, 65 deep", "[" * 65 + "]" * 65),
    _nested("arrays, 500 deep", "[" * 500 + "]" * 500),
    _nested("arrays, 100000 deep", "[" * 100_000 + "]" * 100_000),
    _nested("objects, 500 deep", '{"a":' * 500 + "1" + "}" * 500),
    _nested("100000 open brackets", "[" * 100_000),
    _nested("100000 empty arrays", "[" + "[]," * 100_000 + "1]"),
)


def _typed(*values: str, body: str = CALL) -> Case:
    lines = "\n".join(f"Content-Type: {value}" for value in values)
    name = " and ".join(values) if values else "none"
    return Case("A10", name, body, lines or "-Content-Type")


TYPES = (
    _typed(),
    _typed(""),
    _typed("text/plain"),
    _typed("text/json"),
    _typed("*/*"),
    _typed("application/*"),
    _typed("APPLICATION/JSON"),
    _typed("application/json;"),
    _typed("application/json; boundary=b"),
    _typed('application/json; x="; charset=utf-8"'),
    _typed("application/json\t"),
    _typed("application/ json"),
    _typed("application/jsonx"),
    _typed("application/json-rpc"),
    _typed("application/json-patch+json"),
    _typed("application/vnd.api+json"),
    _typed("application/json-seq"),
    _typed("application/x-ndjson"),
    _typed("application/json", "application/json"),
    _typed("application/json", "text/plain"),
    _typed("text/plain", "application/json"),
    _typed("application/json, text/plain"),
    _typed("text/plain, application/json"),
    _typed("text/plain; application/json"),
    _typed("application/json; charset=utf-8", "application/json; charset=utf-7", body=_PLUS),
    _typed("application/x-www-form-urlencoded", body=_FORM),
    _typed("application/x-www-form-urlencoded; charset=utf-8"),
    _typed("multipart/form-data; boundary=b", body=_PART),
    _typed("multipart/mixed; boundary=b", body=_PART),
    Case("A10", "a type on a folded line", CALL, "Content-Type: application/json;\n charset=utf-7"),
    Case(
        "A10", "a type in the query", CALL, "-Content-Type", start="POST @path@?type=json HTTP/1.1"
    ),
)

CASES = CHARSETS + CODINGS + TEXTS + TYPES
