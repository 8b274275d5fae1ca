"""Leak paths by which a backend's reply could show a value, by their numbers in `leak_table.py`."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson
from flow import JSON, SSE, event, result, stream, tool_list, tool_result
from leak_canaries import Canaries, luhn

from sidecar.model import Reply

Make = Callable[[Canaries], Reply]


@dataclass(frozen=True)
class Case:
    """A reply that holds canaries. `seen` is in what the caller gets: proof that it came so far.

    `passes` says that the caller gets a value unchanged by design (a handle, a 429); no other
    place may show it.
    """

    number: int
    name: str
    make: Make
    seen: str = "[EMAIL]"
    passes: bool = False
    asks: str = "tools/call"

    def __str__(self) -> str:
        return f"{self.number:02} {self.name}"


def text(*texts: str, **more: Any) -> Reply:
    """A result of text blocks."""
    return result({"content": [{"type": "text", "text": one} for one in texts], **more})


def dumped(value: Any, levels: int = 1) -> str:
    """JSON in text, so many times."""
    for _ in range(levels):
        value = orjson.dumps(value).decode()
    return str(value)


def block(**members: Any) -> Reply:
    """A result of one block."""
    return result({"content": [members]})


def error(**members: Any) -> Reply:
    """An error of JSON-RPC."""
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no", **members}}
    return Reply(200, JSON, orjson.dumps(body))


def told(method: str, **params: Any) -> Reply:
    """A notification or a question ahead of the result."""
    before = {"jsonrpc": "2.0", "method": method, "params": params}
    if not method.startswith("notifications/"):
        before["id"] = "q"
    return stream(event(before), event({"jsonrpc": "2.0", "id": 1, "result": {"content": []}}))


def cut(c: Canaries, size: int) -> Reply:
    """A record in an event, in pieces that cut words and characters."""
    body = event(orjson.loads(tool_result({"result": [c.record], "note": f"日本{c.email}語"}).body))
    return stream(*(body[i : i + size] for i in range(0, len(body), size)))


def page(status: int, c: Canaries, *headers: tuple[str, str]) -> Reply:
    """An error page."""
    return Reply(status, (("content-type", "text/html"), *headers), f"<p>{c.prose}</p>".encode())


def conflict(c: Canaries) -> dict[str, Any]:
    """How Gladly says that an address is another customer's, with that customer's record."""
    detail = {"attr": "emails", "code": "conflict", "detail": f"{c.email} is used by {c.name}"}
    return c.record | {"errors": [detail]}


def beside(c: Canaries) -> dict[str, Any]:
    """The same with the record in a member of its own."""
    return {"errors": conflict(c)["errors"], "customer": c.record}


def nested(c: Canaries, depth: int) -> Reply:
    """A value at the end of many lists."""
    deep = "[" * depth + dumped(c.email) + "]" * depth
    return Reply(
        200,
        JSON,
        f'{{"jsonrpc":"2.0","id":1,"result":{{"content":[],"structuredContent":{{"a":{deep}}}}}}}'.encode(),
    )


def twice(c: Canaries) -> Reply:
    """A member that stands twice in one object."""
    return Reply(
        200,
        JSON,
        f'{{"jsonrpc":"2.0","id":1,"result":{{"content":[],"a":"{c.email}","a":"x"}}}}'.encode(),
    )


def odd(c: Canaries, change: Callable[[str], str], *values: str) -> Reply:
    """A text whose values are written oddly; none of the odd spellings may show."""
    return text(*(f"say {c.also(change(value))} now" for value in values or (c.email,)))


def shifted(first: int) -> Callable[[str], str]:
    """Digits of another script, or letters of it, from this character on."""
    return lambda value: "".join(chr(first + int(ch)) if ch.isdigit() else ch for ch in value)


def wide(value: str) -> str:
    """Full-width letters."""
    return "".join(chr(ord(ch) + 0xFEE0) if "!" <= ch <= "~" else ch for ch in value)


_WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def spoken(digits: str) -> str:
    """Digits as they are read out."""
    return " ".join(_WORDS[int(digit)] for digit in digits)


def percent(value: str) -> str:
    """Every character percent-encoded."""
    return "".join(f"%{byte:02X}" for byte in value.encode())


def link(c: Canaries) -> Reply:
    """A link to a resource."""
    return block(type="resource_link", uri=f"mailto:{c.email}", name=c.email, description=c.prose)


def resource(**members: Any) -> Reply:
    """An embedded resource."""
    return block(type="resource", resource={"uri": "x://y", "mimeType": "text/plain", **members})


def coded(value: str) -> str:
    """Base64."""
    return base64.b64encode(value.encode()).decode()


MESSAGES: Final = (
    Case(1, "text of a block", lambda c: text(c.prose, f"Customer {c.email}")),
    Case(2, "JSON in text", lambda c: text(dumped(c.record))),
    Case(2, "JSON in JSON in text", lambda c: text(dumped(c.record, 2))),
    Case(2, "JSON thrice in text", lambda c: text(dumped({"to": c.email, "call": c.phone}, 3))),
    Case(3, "structure and its duplicate", lambda c: tool_result({"result": [c.record]}), "[NAME]"),
    Case(4, "link", link),
    Case(4, "embedded text", lambda c: resource(text=c.prose)),
    Case(4, "embedded blob", lambda c: resource(blob=coded(c.prose)), "[MEDIA]"),
    Case(5, "_meta", lambda c: text("x", _meta={"for": c.email, "baggage": f"user={c.email}", c.phone: 1})),
    Case(6, "error message", lambda c: error(message=f"no {c.prose}")),
    Case(6, "error data", lambda c: error(data=c.record)),
    Case(7, "isError", lambda c: text(f"no customer {c.prose}", isError=True)),
    Case(8, "progress", lambda c: told("notifications/progress", progressToken=0, progress=1, message=c.prose)),
    Case(8, "log", lambda c: told("notifications/message", level="info", logger=c.email, data={"said": [c.prose], c.email: c.phone})),
    Case(8, "log of a record", lambda c: told("notifications/message", level="info", data=c.record)),
    Case(8, "list_changed", lambda c: told("notifications/tools/list_changed", note=c.email), "content"),
    Case(8, "unknown notification", lambda c: told(f"notifications/{c.email}", note=c.email), "-32603"),
    Case(9, "elicitation", lambda c: told("elicitation/create", message=c.prose, requestedSchema={"type": "object", "properties": {}}), "content"),
    Case(9, "sampling", lambda c: told("sampling/createMessage", maxTokens=9, messages=[{"role": "user", "content": {"type": "text", "text": c.prose}}]), "content"),
    Case(9, "requestState", lambda c: result({"content": [], "requestState": c.email}), "content", passes=True),
    Case(10, "descriptions of a list", lambda c: result({"tools": [{"name": "list_all_gladly_tasks", "title": c.name, "description": c.prose, "inputSchema": {"type": "object", "properties": {"a": {"enum": [c.email], "default": c.email, "examples": [c.phone]}}}}]}), "tools", asks="tools/list"),
    Case(10, "names of a list", lambda c: tool_list(c.email, c.token, f"get {c.email}"), "tools", asks="tools/list"),
    Case(12, "several events of one stream", lambda c: stream(*(event({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": c.prose}}) for _ in range(3)), event(orjson.loads(text(c.prose).body)))),
    Case(12, "names and ids of events", lambda c: Reply(200, SSE, stream=stream(f"event: {c.email}\nid: 1\n: {c.email}\n".encode(), event(orjson.loads(text(c.prose).body))).stream)),
    Case(13, "numbers", lambda c: tool_result({"result": [{"note": int(c.card), "phone": int(c.phone.replace(" ", "")), "amount": float(c.card)}]}), "content"),
    Case(14, "keys", lambda c: tool_result({c.email: {c.phone: 1, c.card: True}})),
    Case(16, "a key twice", twice, "-32603"),
    Case(17, "nested deeply", lambda c: nested(c, 900), "-32603"),
    Case(17, "nested within bounds", lambda c: nested(c, 20)),
    Case(17, "a leaf of ten megabytes", lambda c: text("x " * 5_000_000 + c.email), "-32603"),
    Case(18, "cursor", lambda c: tool_result({"result": [], "next_cursor": f"after-{c.email}"}), "content", passes=True),
)  # fmt: skip
"""MCP messages, 1 to 18: those in which the backend speaks."""

PAGES: Final = (
    Case(22, "headers of a result", lambda c: Reply(200, (*JSON, ("location", f"https://b/{c.email}"), ("set-cookie", f"sid={c.token}"), ("www-authenticate", f'Bearer realm="{c.email}"'), ("x-owner", c.email)), text("x").body), "content"),
    Case(22, "headers of a redirection", lambda c: page(302, c, ("location", f"https://u:{c.token}@b.example/?mail={c.email}")), "-32603"),
    Case(22, "headers of a 401", lambda c: page(401, c, ("www-authenticate", f'Bearer realm="{c.email}"'), ("set-cookie", c.token)), "-32603"),
    *(Case(23, f"page of a {status}", lambda c, status=status: page(status, c), "-32603" if status >= 500 else "") for status in (400, 403, 404, 413, 500, 502, 503)),  # type: ignore[misc]
    Case(23, "page of a 429", lambda c: page(429, c), "@", passes=True),
    Case(23, "no JSON", lambda c: Reply(200, JSON, c.prose.encode()), "-32603"),
    Case(23, "another's answer", lambda c: result({"content": [{"type": "text", "text": c.prose}]}, c.email), "-32603"),
    Case(23, "a stream that breaks", lambda c: stream(b"data: {" + c.prose.encode() + b"}\n\n"), "-32603"),
    Case(25, "conflict in a result", lambda c: text(dumped(conflict(c)), isError=True)),
    Case(25, "conflict in an error", lambda c: error(data={"statusCode": 409, "raw_response": conflict(c)})),
    Case(25, "conflict beside the record", lambda c: error(data={"statusCode": 409, "raw_response": beside(c)})),
    Case(25, "conflict as a page", lambda c: Reply(409, JSON, orjson.dumps(conflict(c))), "-32603"),
)  # fmt: skip
"""HTTP, 19 to 25: those in which the backend speaks."""

ENCODINGS: Final = (
    Case(26, "full-width", lambda c: odd(c, wide)),
    Case(26, "digits of another script", lambda c: odd(c, shifted(0x0660), c.phone, c.card), "[PHONE"),
    Case(26, "mathematical digits", lambda c: odd(c, shifted(0x1D7CE), c.phone, c.card), "[CARD"),
    Case(27, "homoglyphs", lambda c: odd(c, lambda v: v.replace("a", "а").replace("e", "е"))),
    Case(27, "punycode", lambda c: odd(c, lambda v: v.replace("leak", "xn--lek-qla"))),
    Case(28, "zero width", lambda c: odd(c, "\u200b".join)),
    Case(28, "soft hyphens", lambda c: odd(c, "\u00ad".join)),
    Case(28, "no-break spaces and dashes", lambda c: odd(c, lambda v: v.replace(" ", "\u00a0"), c.phone, c.phone.replace(" ", "–")), "[PHONE"),
    Case(29, "percent", lambda c: odd(c, quote)),
    Case(29, "all percent", lambda c: odd(c, percent)),
    Case(29, "percent twice", lambda c: odd(c, lambda v: quote(quote(v)))),
    Case(29, "entities", lambda c: odd(c, lambda v: v.replace("@", "&#64;").replace(".", "&period;"))),
    Case(29, "escapes", lambda c: odd(c, lambda v: v.replace("@", "\\u0040").replace(".", "\\u002e"))),
    Case(29, "escaped slashes", lambda c: odd(c, lambda v: f"mailto:\\/\\/{v}")),
    Case(30, "base64", lambda c: odd(c, coded), "content"),
    Case(30, "base64url", lambda c: odd(c, lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("=")), "content"),
    Case(30, "base64 of JSON", lambda c: odd(c, lambda v: coded(dumped({"to": v}))), "content"),
    Case(30, "hex", lambda c: odd(c, lambda v: v.encode().hex()), "content"),
    Case(31, "spaced", lambda c: odd(c, " ".join, c.card, c.phone.replace(" ", "")), "[CARD"),
    Case(31, "over lines", lambda c: odd(c, lambda v: f"{v[:8]}\n{v[8:]}", c.card), "[CARD"),
    Case(31, "spoken", lambda c: odd(c, spoken, c.card), "content"),
    Case(31, "(at) and [dot]", lambda c: odd(c, lambda v: v.replace("@", " (at) ").replace(".", " [dot] "))),
    Case(32, "split over siblings", lambda c: tool_result({"result": [{"a": c.also(c.card[:8]), "b": c.also(c.card[8:])}]}), "content"),
    Case(32, "split over a list", lambda c: tool_result({"result": [c.also(c.card[:8]), c.also(c.card[8:])]}), "content"),
    Case(33, "glued to letters", lambda c: text(f"顧客{c.email}です", f"カード{c.card}番", f"tel{c.phone}です", f"cardno{c.card}x")),
    *(Case(34, f"pieces of {size}", lambda c, size=size: cut(c, size)) for size in (1, 2, 3, 7, 16, 64)),  # type: ignore[misc]
    Case(35, "lone surrogate", lambda c: Reply(200, JSON, text("X").body.replace(b'"X"', b'"\\ud800 ' + c.email.encode() + b'"')), "jsonrpc"),
    Case(35, "invalid UTF-8", lambda c: Reply(200, JSON, text("X").body.replace(b'"X"', b'"\xff ' + c.email.encode() + b'"')), "-32603"),
    Case(35, "NUL", lambda c: text(f"a\0{c.email}\0b")),
    Case(35, "byte order marks", lambda c: text(f"\ufeff{c.email}\ufeff{c.phone}")),
)  # fmt: skip
"""Encodings, 26 to 35."""

SPELLED: Final = "PIN is {0};Ihre PIN lautet {0};su PIN es {0};votre code PIN est {0};il PIN è {0}"

ENTITIES: Final = (
    Case(36, "Mastercard 2-series", lambda c: text(c.also(luhn("222300004841001"))), "[CARD"),
    Case(36, "nineteen digits", lambda c: text(c.also(luhn("453201077163524471"))), "[CARD"),
    Case(36, "Amex 4-6-5", lambda c: text(c.also("3782 822463 10005")), "[CARD"),
    Case(37, "IPv6", lambda c: text(f"from {c.also('2001:db8:85a3::8a2e:370:7334')} today"), "[IP"),
    Case(37, "IPv4 in IPv6", lambda c: text(f"from {c.also('::ffff:203.0.113.77')} today"), "[IP"),
    Case(38, "foreign numbers with a word", lambda c: text(f"Telefon: {c.also('030 8997 7401')}", f"phone {c.also('+44 20 7946 0958')}"), "[PHONE"),
    Case(38, "a foreign number with a short word", lambda c: text(f"tél. {c.also('01 70 18 99 48')}"), "[PHONE"),
    Case(38, "foreign numbers by path", lambda c: tool_result({"result": [c.record | {"phones": [{"original": c.also("0303 8997 740")}]}]}), "[PHONE"),
    *(Case(39, f"PIN, {i}", lambda c, s=s: text(s.format(c.also("48271936"))), "[PIN") for i, s in enumerate(SPELLED.split(";"))),  # type: ignore[misc]
    Case(39, "codes", lambda c: text(c.also("Your one-time code is 739104"), c.also("CVV: 7391")), "[PIN"),
    Case(40, "Basic", lambda c: text(f"Authorization: Basic {c.also(coded('agent@leak.example:' + c.token))}"), "[TOKEN]"),
    Case(40, "JWT", lambda c: text(c.jwt, c.jwt.rpartition(".")[0], f"b'{c.jwt}'"), "[TOKEN]"),
    Case(40, "JWE", lambda c: text(c.also(f"eyJhbGciOiJSU0EtT0FFUCJ9.{coded(c.token).rstrip('=')}.48V1_ALb.5eym8TW.XFBoMYUZ")), "[TOKEN]"),
    Case(40, "opaque by name", lambda c: text(f"api_token: {c.also('q8yNwZ3hXoPq1vJrT5mK2w')}"), "[TOKEN]"),
    Case(41, "a value many times", lambda c: text(*[f"{c.email} and {c.email}, {c.phone}"] * 5)),
    Case(42, "a name in the transcript", lambda c: tool_result({"result": [c.record | {"note": f"Hi {c.name}, is {c.name.upper()} right?"}]}), "[NAME]"),
)  # fmt: skip
"""Entities, 36 to 42."""

REPLIES: Final = MESSAGES + PAGES + ENCODINGS + ENTITIES
