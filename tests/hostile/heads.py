"""Lines B1 to B5 and B7 to B9: what stands in the request line and the headers."""

from __future__ import annotations

from hostile.request import CALL, CLAIM, MODERN, MODERN_CALL, REFUSED, Case, call

_INNOCENT = "Mcp-Name: list_all_gladly_tasks"
_LEGACY = "MCP-Protocol-Version: 2025-11-25"
_VERSION = "MCP-Protocol-Version: 2026-07-28"
_METHOD = "Mcp-Method: tools/call"


def _mirror(name: str, *lines: str, body: str = CALL) -> Case:
    return Case("B1", name, body, "\n".join(lines))


def _modern(name: str, *lines: str, line: str = "B1") -> Case:
    """A modern call with other headers than its own."""
    return Case(line, name, MODERN_CALL, "\n".join(lines))


def _claim(name: str, value: str, *lines: str) -> Case:
    text = call(params="," + CLAIM.replace('"2026-07-28"', value))
    return Case("B1", name, text, "\n".join(lines or (MODERN,)))


MIRRORS = (
    _mirror("innocent name, no version", _INNOCENT),
    _mirror("innocent name, 2025-11-25", _LEGACY, _INNOCENT),
    _mirror("innocent name, 2025-06-18", "MCP-Protocol-Version: 2025-06-18", _INNOCENT),
    _mirror("innocent name, 2025-03-26", "MCP-Protocol-Version: 2025-03-26", _INNOCENT),
    _mirror("innocent method, 2025-11-25", _LEGACY, "Mcp-Method: tools/list"),
    _mirror("true name, 2025-11-25", _LEGACY, _METHOD, "Mcp-Name: create_a_gladly_task"),
    _mirror("modern header, legacy body", MODERN),
    _mirror("future header", "MCP-Protocol-Version: 2027-01-01"),
    _mirror("a version of no kind", "MCP-Protocol-Version: ../../x"),
    _mirror("an empty version", "MCP-Protocol-Version:"),
    _mirror("two versions in one header", "MCP-Protocol-Version: 2025-11-25, 2026-07-28"),
    _mirror("a version in another name", "MCP_Protocol_Version: 2026-07-28"),
    _mirror("an unknown session", "Mcp-Session-Id: 0123456789abcdef"),
    _mirror("an event to go on from", "Last-Event-ID: 1"),
    _modern("modern, innocent name", _VERSION, _METHOD, _INNOCENT),
    _modern("modern, innocent method", _VERSION, "Mcp-Method: tools/list", _INNOCENT),
    _modern("modern, no name", _VERSION, _METHOD),
    _modern("modern, no method", _VERSION, "Mcp-Name: create_a_gladly_task"),
    _modern("modern, neither", _VERSION),
    _modern("modern body, no header", ""),
    _modern("modern body, legacy header", _LEGACY),
    _modern("modern body, legacy header, innocent name", _LEGACY, _METHOD, _INNOCENT),
    _modern("modern body, old header", "MCP-Protocol-Version: 2024-11-05", _INNOCENT),
    _modern("name in upper case", _VERSION, _METHOD, "Mcp-Name: CREATE_A_GLADLY_TASK"),
    _modern("name in base64", _VERSION, _METHOD,
            "Mcp-Name: =?base64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2s=?="),
    _modern("another name in base64", _VERSION, _METHOD,
            "Mcp-Name: =?base64?bGlzdF9hbGxfZ2xhZGx5X3Rhc2tz?="),
    _modern("base64 in upper case", _VERSION, _METHOD,
            "Mcp-Name: =?BASE64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2s=?="),
    _modern("base64 without its end", _VERSION, _METHOD,
            "Mcp-Name: =?base64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2s?="),
    _modern("two names in one header", _VERSION, _METHOD,
            "Mcp-Name: list_all_gladly_tasks, create_a_gladly_task"),
    _modern("an innocent parameter", MODERN, "Mcp-Param-Name: list_all_gladly_tasks"),
    _claim("claim of an older revision", '"2025-11-25"'),
    _claim("both of an older revision", '"2025-11-25"', _LEGACY),
    _claim("claim with a blank", '"2026-07-28 "'),
    _claim("claim as an array", '["2026-07-28"]'),
    _claim("claim null", "null"),
    _claim("claim null, no header", "null", ""),
    _claim("claim of the future", '"2027-01-01"', "MCP-Protocol-Version: 2027-01-01", _METHOD,
           "Mcp-Name: create_a_gladly_task"),
)  # fmt: skip


def _repeated(name: str, *lines: str, body: str = MODERN_CALL) -> Case:
    return Case("B2", name, body, "\n".join(lines))


REPEATED = (
    _repeated("version, legacy first", _LEGACY, _VERSION, _METHOD, _INNOCENT),
    _repeated("version, modern first", MODERN, _LEGACY),
    _repeated("the same version", MODERN, _VERSION),
    _repeated(
        "name, innocent first", _VERSION, _METHOD, _INNOCENT, "Mcp-Name: create_a_gladly_task"
    ),
    _repeated("name, innocent last", MODERN, _INNOCENT),
    _repeated("name in two cases", MODERN, _INNOCENT.lower()),
    _repeated("method", MODERN, "Mcp-Method: tools/list"),
    _repeated("session", "Mcp-Session-Id: a", "Mcp-Session-Id: b", body=CALL),
    _repeated("token", "Authorization: Bearer @bearer@", "Authorization: Bearer x", body=CALL),
    _repeated("host", "Host: @host@", "Host: evil.example", body=CALL),
    _repeated("host, evil first", "Host: evil.example", "Host: @host@", body=CALL),
    _repeated("origin", "Origin: http://@host@", "Origin: http://evil.example", body=CALL),
    _repeated("event", "Last-Event-ID: 1", "Last-Event-ID: 2", body=CALL),
    _repeated("length", "Content-Length: @length@", "Content-Length: @length@", body=CALL),
    _repeated("encoding", "Content-Encoding: identity", "Content-Encoding: identity", body=CALL),
)


def _at(target: str, headers: str = "") -> Case:
    return Case("B3", target, CALL, headers, start=f"POST {target} HTTP/1.1")


PATHS = (
    _at("@path@/"), _at("/@path@"), _at("/.@path@"), _at("/x/..@path@"), _at("@path@/."),
    _at("@path@/../mcp"), _at("@path@?x=1"), _at("@path@?"), _at("@path@#x"), _at("@path@;x"),
    _at("@path@%00"), _at("@path@%20"), _at("@path@%0d%0aX:y"), _at("@path@."), _at("@path@*"),
    _at("/MCP"), _at("/Mcp"), _at("/mcp"), _at("/mcp/"), _at("//mcp"), _at("/%6dcp"),
    _at("/%256dcp"), _at("/mcp%2f"), _at("/mcp/x"), _at("/mcp?token=x"), _at("/sse"),
    _at("/messages?session_id=1"), _at("\\mcp"), _at("*"), _at("mcp"), _at("http://@host@@path@"),
    _at("http://evil.example@path@"), _at("HTTP://@host@@path@", "Host: evil.example"),
    _at("http://user@@host@@path@"), _at("//evil.example@path@"), _at("@path@\t"),
    _at("@path@ x"), _at("@path@\xe9"), _at("@path@?access_token=x"), _at(""),
)  # fmt: skip


def _verb(start: str, headers: str = "", body: str = CALL) -> Case:
    return Case("B4", f"{start} {headers}".strip(), body, headers, start=start)


_GET, _POST = "GET @path@ HTTP/1.1", "POST @path@ HTTP/1.1"

VERBS = (
    *(
        _verb(f"{verb} @path@ HTTP/1.1")
        for verb in (
            "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "QUERY", "PROPFIND",
            "post", "Post", "P0ST", "POSTX", "BREW", "*",
        )
    ),
    _verb("CONNECT @host@ HTTP/1.1"),
    _verb(_GET, "X-HTTP-Method-Override: POST"),
    _verb(_GET, "X-HTTP-Method: POST"),
    _verb(_GET, "X-Method-Override: POST"),
    _verb(_POST, "X-HTTP-Method-Override: GET"),
    _verb(_POST, "X-HTTP-Method-Override: DELETE\nX-Original-Method: GET"),
    _verb("GET @path@?_method=POST HTTP/1.1"),
    _verb(_GET, MODERN, MODERN_CALL),
    _verb("POST @path@ HTTP/1.0"),
    _verb("POST @path@ HTTP/0.9"),
    _verb("POST @path@ HTTP/2.0"),
    _verb("POST @path@ HTTP/1.1 "),
    _verb("POST @path@"),
    _verb("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    _verb(_POST, "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk"),
    _verb(_GET, "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
)  # fmt: skip


def _from(headers: str) -> Case:
    return Case("B5", headers.replace("\n", " and "), CALL, headers)


ORIGINS = tuple(
    _from(headers)
    for headers in (
        "Origin: http://evil.example", "Origin: null", "Origin: http://localhost.evil.example",
        "Origin: http://127.0.0.1.evil.example", "Origin: http://@host@.evil.example",
        "Origin: http://@host@@evil.example", "Origin: file://", "Origin: *", "Origin:",
        "Origin: http://evil.example, http://@host@", "Origin: chrome-extension://abc",
        "Host: evil.example", "Host:", "-Host", "Host: 127.0.0.1", "Host: 127.0.0.1:1",
        "Host: @host@.", "Host: x@@host@", "Host: @host@, evil.example", "Host: [::1]",
        "Host: 2130706433", "Host: 0", "Host: evil.example\nX-Forwarded-Host: @host@",
        "Referer: http://evil.example/", "Sec-Fetch-Site: cross-site",
    )
)  # fmt: skip

ACCEPTS = tuple(
    Case("B7", headers.replace("\n", " and "), CALL, headers)
    for headers in (
        "Accept: */*", "-Accept", "Accept:", "Accept: application/json", "Accept: text/html",
        "Accept: text/event-stream", "Accept: application/json;q=0, text/event-stream",
        "Accept: application/*, text/*", "Accept: application/json\nAccept: text/event-stream",
        "Accept: application/json, text/event-stream\nAccept-Encoding: br, gzip",
        "Accept: application/json, text/event-stream\nAccept-Charset: utf-7",
    )
)  # fmt: skip


def _injected(name: str, tool: str, header: str) -> Case:
    return Case(
        "B8", name, call(tool, params=f",{CLAIM}"), f"{_VERSION}\n{_METHOD}\nMcp-Name: {header}"
    )


INJECTED = (
    _injected("a line end in base64", '"create_a_gladly_task\\r\\nX: y"',
              "=?base64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2sNClg6IHk=?="),
    _injected("a trailing line end in base64", '"create_a_gladly_task\\n"',
              "=?base64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2sK?="),
    _injected("a NUL in base64", '"create_a_gladly_task\\u0000"',
              "=?base64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2sA?="),
    _injected("base64 of base64", '"=?base64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2s=?="',
              "=?base64?Y3JlYXRlX2FfZ2xhZGx5X3Rhc2s=?="),
    _injected("raw Latin-1", '"cr\u00e9ate_a_gladly_task"', "cr\xe9ate_a_gladly_task"),
    _injected("a bare carriage return", REFUSED, "create_a_gladly_task\rX: y"),
    _injected("a NUL", REFUSED, "create_a_gladly_task\0"),
    _injected("blanks around", REFUSED, "  create_a_gladly_task  "),
    _injected("a folded line", REFUSED, "list_all_gladly_tasks\n create_a_gladly_task"),
    _injected("percent", REFUSED, "create%5Fa_gladly_task"),
    _injected("quoted", REFUSED, REFUSED),
)  # fmt: skip

IDENTITIES = tuple(
    Case("B9", headers.replace("\n", " and "), CALL, headers)
    for headers in (
        "X-User: admin", "X-Forwarded-User: admin", "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Email: admin@example.com", "Forwarded: for=127.0.0.1;by=@host@;host=@host@",
        "X-Real-IP: 127.0.0.1", "X-Original-URL: /admin", "X-Rewrite-URL: /mcp",
        "X-Forwarded-Prefix: /mcp", "X-Forwarded-Proto: https", "X-Endpoint: all",
        "X-Roles: admin\nX-Scopes: write", "Cookie: session=admin", "X-Amzn-Oidc-Identity: admin",
        "Proxy-Authorization: Bearer @bearer@", "X-Api-Key: admin", "X-Policy: allow",
        "X-SSL-Client-Verify: SUCCESS", "Via: 1.1 gladly-mcp-sidecar", "X-Authenticated: true",
        "User-Agent: gladly-mcp-sidecar", "X-Tool-Name: list_all_gladly_tasks",
    )
)  # fmt: skip

CASES = MIRRORS + REPEATED + PATHS + VERBS + ORIGINS + ACCEPTS + INJECTED + IDENTITIES
