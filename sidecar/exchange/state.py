"""Exchange: one frozen record that each step of the road returns with its own field filled in."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sidecar.model import Caller, Decision, Finding, Head, JsonObject, Message, Reply, Tool, Verdict


@dataclass(slots=True)
class Tally:
    """What comes back is counted here while a reply streams; the one thing that grows.

    Counts are by entity. `hidden` are the names of tools taken out of lists.
    """

    found: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    subjects: list[JsonObject] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    events: int = 0
    bytes_out: int = 0
    is_tool_error: bool = False
    error_code: int | None = None
    is_recorded: bool = False


class Exchange(NamedTuple):
    """A request on its way. A named tuple, since its `_replace` costs a quarter of a dataclass'.

    `id` names the exchange in the audit log; `started` and `sent` are monotonic seconds.
    """

    id: str
    head: Head
    read_body: Callable[[], Awaitable[bytes]]
    tally: Tally
    started: float
    caller: Caller | None = None
    message: Message | None = None
    tool: Tool | None = None
    findings: tuple[Finding, ...] = ()
    decision: Decision | None = None
    decide_us: int = 0
    is_intent_recorded: bool = False
    sent: float = 0.0
    received: float = 0.0
    reply: Reply | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What policy said of the one tool that is called."""
        if self.decision is None or self.tool is None:
            return None
        return self.decision.of(self.tool.name)

    @property
    def arguments(self) -> JsonObject:
        """The arguments of a call; `find` refused anything but an object."""
        value: Any = self.message.params.get("arguments") if self.message else None
        return value if isinstance(value, dict) else {}

    @property
    def method(self) -> str:
        """The MCP method, or the HTTP verb of a request without a message."""
        return self.message.method if self.message and self.message.method else self.head.verb

    def elapsed_ms(self) -> float:
        """Milliseconds since the request came in."""
        return round((time.monotonic() - self.started) * 1000, 3)
