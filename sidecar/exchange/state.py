"""Exchange: one frozen record that each step of the road returns with its own field filled in."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from sidecar import edge
from sidecar.errors import Malformed, Unauthenticated
from sidecar.model import (
    Caller,
    Decision,
    Finding,
    Head,
    JsonObject,
    Message,
    Reply,
    Shadow,
    Tool,
    Verdict,
)


class Facts(Protocol):
    """What a decision was asked with; the policy organ makes it."""

    @property
    def caller(self) -> Caller:
        """Who asked."""

    def document(self) -> JsonObject:
        """The input document of the decision."""


@dataclass(slots=True)
class Tally:
    """What comes back is counted here while a reply streams; the one thing that grows.

    Counts are by entity. It `has_unknown_subjects` if personal data came back and nothing tells
    whose. `hidden` are the names of tools taken out of lists, `listed_by` the digest of the policy
    that decided which, and `shadow` what a policy in shadow would have made of the last list;
    `merged` customers that Gladly merged into others. `scan` is whether what came back was
    `scanned`, or is `unscannable` and passed all the same (a 429). A call `is_waiting` whose stream
    ended early, to be resumed on another one. It `is_rate_limited` if a vendor's 429 came inside a
    result or an error. It `left` for the backend at a monotonic second, 0 if it never did.
    `redact_seconds` and `record_seconds` is what steps 9, 7 and 10 took so far.
    """

    found: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    subjects: list[JsonObject] = field(default_factory=list)
    has_unknown_subjects: bool = False
    merged: list[JsonObject] = field(default_factory=list)
    scan: Literal["", "scanned", "unscannable"] = ""
    hidden: list[str] = field(default_factory=list)
    listed_by: str = ""
    shadow: Shadow | None = None
    events: int = 0
    bytes_out: int = 0
    is_tool_error: bool = False
    is_rate_limited: bool = False
    error_code: int | None = None
    is_intent_recorded: bool = False
    is_waiting: bool = False
    is_recorded: bool = False
    is_watched: bool = False
    left: float = 0.0
    redact_seconds: float = 0.0
    record_seconds: float = 0.0


class Told(NamedTuple):
    """What intent and outcome say alike, as sections of an event: who, what for, what policy said.

    The same objects stand in both events, so nobody changes them.
    """

    actor: JsonObject
    mcp: JsonObject
    decision: JsonObject


class Exchange(NamedTuple):
    """A request on its way. A named tuple, since its `_replace` costs a quarter of a dataclass'.

    `id` names the exchange in the audit log; `started` and `sent` are monotonic seconds. `tool` and
    `arguments` are what the decision is about, `facts` what it was asked with; `people` are
    whom the arguments name, as tokens; the result of an exchange with `is_listing` is a list of
    tools. `told` is what its intent said.
    """

    id: str
    head: Head
    read_body: Callable[[], Awaitable[bytes]]
    tally: Tally
    started: float
    caller: Caller | None = None
    message: Message | None = None
    tool: Tool | None = None
    arguments: JsonObject = {}  # noqa: RUF012 - nobody changes it; a call brings its own
    is_listing: bool = False
    findings: tuple[Finding, ...] = ()
    people: tuple[JsonObject, ...] = ()
    facts: Facts | None = None
    decision: Decision | None = None
    decide_us: int = 0
    told: Told | None = None
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
    def account(self) -> str:
        """The backend account of the caller's endpoint.

        Raises:
            Unauthenticated: nobody was verified, so that no account can be meant.
        """
        if self.caller is None:
            raise Unauthenticated("no verified caller")
        return self.caller.endpoint.account

    @property
    def protocol(self) -> str:
        """The revision that the message claims, else the one in its header."""
        try:
            claim = edge.claimed_version(self.message) if self.message else None
        except Malformed:  # refused for it, and that is recorded, too
            claim = None
        return claim or self.head.get("mcp-protocol-version")

    @property
    def is_listener(self) -> bool:
        """Whether the reply is a stream that ends when somebody leaves, not with a result."""
        return self.message is None or self.message.method == "subscriptions/listen"

    @property
    def method(self) -> str:
        """The MCP method, that of the question for an answer, or the verb without a message."""
        if self.message is not None and self.message.kind == "response" and self.tool:
            return self.tool.name
        return self.message.method if self.message and self.message.method else self.head.verb

    def elapsed_ms(self) -> float:
        """Milliseconds since the request came in."""
        return round((time.monotonic() - self.started) * 1000, 3)
