"""One hostile request: how it is written down, made into bytes, and sent over a socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

BOUND = 5.0
"""Seconds in which a sidecar must have answered or closed; only a failing test waits that long."""

QUIET = 0.8
"""Seconds of silence after which an answer that may go on (an event stream) is read no further."""

REFUSED = '"create_a_gladly_task"'
HIDDEN = '"delete_a_gladly_customer_by_id"'
UNCATALOGUED = '"tool_of_no_catalog"'
ALLOWED = '"list_all_gladly_tasks"'
MARK = '{"case":"@case@"}'
CLAIM = (
    '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    '"io.modelcontextprotocol/clientCapabilities":{}}'
)
MODERN = "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\nMcp-Name: create_a_gladly_task"


def call(
    name: str = REFUSED,
    *,
    method: str = '"tools/call"',
    number: str = "1",
    arguments: str = MARK,
    params: str = "",
    more: str = "",
) -> str:
    """The text of a call; every part is JSON text, so that each can be made odd."""
    inside = f'{{"name":{name},"arguments":{arguments}{params}}}'
    return f'{{"jsonrpc":"2.0","id":{number},"method":{method},"params":{inside}{more}}}'


CALL = call()
MODERN_CALL = call(params=f",{CLAIM}")


@dataclass(frozen=True, slots=True)
class Site:
    """Who is attacked: where it listens, its path, a token that it takes, and the case's mark."""

    port: int
    path: str
    bearer: str
    mark: str

    def filled(self, text: str) -> str:
        """Put the site into a template."""
        host = f"127.0.0.1:{self.port}"
        marks = {"@host@": host, "@path@": self.path, "@bearer@": self.bearer, "@case@": self.mark}
        for mark, value in marks.items():
            text = text.replace(mark, value)
        return text


@dataclass(frozen=True, slots=True)
class Case:
    """A request and what is odd about it.

    `line` is the line of the checklist. `headers` are lines that replace the usual ones of the same
    name and else are added; a name after a minus is left out. `encode` makes the body's bytes of
    its UTF-8 form. `then` follows at once on the same connection.
    """

    line: str
    name: str
    body: str | bytes = CALL
    headers: str = ""
    encode: Callable[[bytes], bytes] = bytes
    start: str = "POST @path@ HTTP/1.1"
    then: Case | None = None

    def content(self, site: Site) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, str):
            return self.encode(site.filled(self.body).encode())
        return self.encode(self.body.replace(b"@case@", site.mark.encode()))

    def lines(self, site: Site, length: int) -> list[str]:
        """The header lines, of which some may be no headers."""
        return [site.filled(line).replace("@length@", str(length)) for line in self._headers()]

    def written(self, site: Site) -> bytes:
        """The bytes to send."""
        body = self.content(site)
        head = [site.filled(self.start), *self.lines(site, len(body)), "", ""]
        following = self.then.written(site) if self.then else b""
        return "\r\n".join(head).encode("latin-1") + body + following

    def _headers(self) -> list[str]:
        own = self.headers.split("\n") if self.headers else []
        replaced = {line.partition(":")[0].strip("- \t").lower() for line in own}
        usual = [
            "Host: @host@",
            "Authorization: Bearer @bearer@",
            "Accept: application/json, text/event-stream",
            "Content-Type: application/json",
            "Content-Length: @length@",
            "Connection: keep-alive" if self.then else "Connection: close",
        ]
        kept = [line for line in usual if line.partition(":")[0].lower() not in replaced]
        return kept + [line for line in own if not line.startswith("-")]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back until the end of the connection, the silence, or the bound."""

    raw: bytes
    is_closed: bool

    @property
    def is_given(self) -> bool:
        """Whether the sender knows where it stands: an answer, or the end of the connection."""
        return self.is_closed or self.raw.startswith(b"HTTP/1.")


def send(port: int, raw: bytes, *, bound: float = BOUND, quiet: float = QUIET) -> Answer:
    """Send bytes over a connection of their own and read what comes back."""
    ends = time.monotonic() + bound
    got = bytearray()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=bound) as connection:
            connection.sendall(raw)
            while (left := ends - time.monotonic()) > 0:
                connection.settimeout(min(left, quiet) if got else left)
                chunk = connection.recv(65536)
                if not chunk:
                    return Answer(bytes(got), is_closed=True)
                got += chunk
    except TimeoutError:
        pass
    except OSError:
        return Answer(bytes(got), is_closed=True)
    return Answer(bytes(got), is_closed=False)
