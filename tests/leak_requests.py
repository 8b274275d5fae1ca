"""Leak paths by which a request could show a value, by their numbers in `leak_table.py`."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson
from flow import ask, call, modern
from leak_canaries import Canaries
from leak_parts import READ


@dataclass(frozen=True)
class Sent:
    """One request: its body, its headers beside the usual ones, and how else it differs."""

    body: Any
    headers: tuple[tuple[str, str], ...] = ()
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A request that holds canaries, and the statuses of which one answers it.

    `passes` says that the answer repeats a value because it must.
    """

    number: int
    name: str
    make: Callable[[Canaries], Sent]
    statuses: tuple[int, ...] = (200,)
    passes: bool = False

    def __str__(self) -> str:
        return f"{self.number:02} {self.name}"


LIST: Final = ask("tools/list")
REFUSED: Final = (400, 401, 403, 404, 405, 406, 413, 415)


def params(value: Any) -> dict[str, Any]:
    """A call whose arguments are this."""
    return ask("tools/call", name=READ, arguments=value)


def raw(c: Canaries, text: str) -> bytes:
    """A body as text, with a mail address in it."""
    return text.replace("@@", c.email).encode()


def mirrored(c: Canaries, **headers: str) -> Sent:
    """A call of the stateless era with headers that mirror its arguments."""
    body, usual = modern(call(READ, email=c.email))
    named = {f"mcp-param-{name}": value for name, value in headers.items()}
    return Sent(body, tuple((usual | named).items()))


def bearer(c: Canaries, *values: str) -> Sent:
    """A list asked for with these Authorization headers and no other."""
    return Sent(LIST, tuple(("authorization", value) for value in values), {"subject": None})


REQUESTS: Final = (
    Case(5, "_meta and baggage", lambda c: Sent(ask("tools/call", name=READ, arguments={}, _meta={"baggage": f"u={c.email}", "traceparent": c.email, "progressToken": c.email}), (("baggage", f"u={c.email}"), ("tracestate", f"u={c.email}")))),
    Case(9, "an answer to a question", lambda c: Sent({"jsonrpc": "2.0", "id": c.email, "result": {"action": "accept", "content": {"to": c.prose}}}), (200, 202, *REFUSED)),
    Case(11, "prompt", lambda c: Sent(ask("prompts/get", name=c.email, arguments={"to": c.prose})), (200, 404)),
    Case(11, "resource", lambda c: Sent(ask("resources/read", uri=f"mailto:{c.email}")), (200, 404)),
    Case(11, "completion", lambda c: Sent(ask("completion/complete", ref={"type": "ref/prompt", "name": c.email}, argument={"name": c.email, "value": c.prose})), (200, 404)),
    Case(11, "unknown method", lambda c: Sent(ask(c.email)), (200, 404)),
    Case(11, "unknown tool", lambda c: Sent(call(f"{c.email} {c.token}", to=c.prose))),
    Case(12, "batch", lambda c: Sent([call(READ, email=c.email), call(c.email)]), REFUSED),
    Case(12, "id of the last event", lambda c: Sent(b"", (("last-event-id", c.email), ("mcp-session-id", c.token)), {"verb": "GET"}), REFUSED),
    Case(13, "numbers", lambda c: Sent(call(READ, phoneNumber=int(c.card), email=1.5))),
    Case(14, "keys", lambda c: Sent(params({c.email: {c.phone: c.card}}))),
    *(Case(15, f"arguments: {name}", lambda c, make=make: Sent(params(make(c))), (200, 400)) for name, make in {  # type: ignore[misc]
        "text": lambda c: c.prose, "list": lambda c: [c.prose, None], "number": lambda c: int(c.card), "null": lambda _: None}.items()),
    Case(16, "a key twice", lambda c: Sent(raw(c, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"@@","name":"x"}}')), (400,)),
    Case(17, "nested deeply", lambda c: Sent(raw(c, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + "[" * 200 + '"@@"' + "]" * 200 + "}")), (400,)),
    Case(17, "a leaf of two megabytes", lambda c: Sent(call(READ, email=c.email + " x" * 1_000_000)), (400, 413)),
    Case(18, "cursor", lambda c: Sent(call(READ, next_cursor=f"after-{c.email}", cursor=c.email))),
    Case(18, "cursor of a list", lambda c: Sent(ask("tools/list", cursor=f"after-{c.email}"))),
    Case(19, "bad token", lambda c: bearer(c, f"Bearer {c.jwt}"), (401,)),
    Case(19, "lower case", lambda c: bearer(c, f"bearer {c.token}"), (401,)),
    Case(19, "Basic", lambda c: bearer(c, "Basic " + c.also(base64.b64encode(f"{c.email}:{c.token}".encode()).decode())), (401,)),
    Case(19, "two headers", lambda c: bearer(c, f"Bearer {c.jwt}", f"Bearer {c.token}"), (400, 401)),
    Case(19, "no scheme", lambda c: bearer(c, c.token), (401,)),
    Case(20, "mirrored name", lambda c: Sent(modern(call("x"))[0], tuple((modern(call("x"))[1] | {"mcp-name": c.email}).items())), (400,)),
    Case(20, "mirrored argument", lambda c: mirrored(c, email=c.email), (200, 400)),
    Case(20, "mirrored argument in base64", lambda c: mirrored(c, email="=?base64?" + base64.b64encode(c.prose.encode()).decode() + "?="), (400,)),
    Case(21, "query", lambda c: Sent(LIST, (), {"suffix": f"?access_token={c.jwt}&mail={quote(c.email)}"}), (200, 404)),
    Case(21, "query with a percent-encoded name", lambda c: Sent(LIST, (), {"suffix": f"?%61ccess_token={c.token}&%6dail={quote(c.email)}"}), (200, 404)),
    Case(21, "path", lambda c: Sent(LIST, (), {"suffix": f"/{c.email}/{c.token}"}), (404,)),
    Case(21, "path, percent-encoded", lambda c: Sent(LIST, (), {"suffix": f"%2f{quote(c.email, safe='')}"}), (404,)),
    Case(24, "Referer and User-Agent", lambda c: Sent(LIST, (("referer", f"https://u:{c.token}@b.example/?m={c.email}"), ("user-agent", c.prose)))),
    Case(24, "Cookie and what proxies add", lambda c: Sent(LIST, (("cookie", f"sid={c.token}"), ("x-forwarded-for", c.email), ("forwarded", f"for={c.email}"), ("x-api-key", c.token)))),
    Case(24, "Origin", lambda c: Sent(LIST, (("origin", f"https://{c.email}"),)), (403,)),
    Case(24, "Host", lambda c: Sent(LIST, (("host", f"{c.also('quickhost' + c.email[12:16])}.leak.example"),)), (403, 421, 400)),
    Case(24, "Content-Type", lambda c: Sent(LIST, (("content-type", f"text/{c.email}"),)), (400, 415)),
    Case(24, "session", lambda c: Sent(LIST, (("mcp-session-id", c.email),)), (200, 400, 404)),
    Case(23, "a page of ours", lambda c: Sent(raw(c, '{"@@'), (("accept", "text/html"),)), (400, 406)),
    Case(24, "what a client calls itself", lambda c: Sent(ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": c.email, "version": c.prose}))),
    Case(24, "claims of the caller", lambda c: Sent(LIST, (), {"subject": c.email})),
    Case(24, "request id", lambda c: Sent(orjson.loads(orjson.dumps(LIST | {"id": c.email})), (("x-request-id", c.email),)), passes=True),
)  # fmt: skip
"""Requests of callers: parts of MCP messages 1 to 18, and HTTP 19 to 24."""
