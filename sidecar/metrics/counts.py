"""What is counted while calls pass: plain integers, made into metrics only when somebody asks.

`ended` stands on the road, once for each exchange, and costs about four microseconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Final

from sidecar.errors import (
    BackendFailed,
    BackendTimedOut,
    Denied,
    Inadmissible,
    Malformed,
    NotFound,
    Refusal,
    ScopeMissing,
    Unauthenticated,
)
from sidecar.exchange import Exchange
from sidecar.settings import DEFAULT_ACCOUNT

BOUNDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""Upper bounds of the histograms' buckets, in seconds."""

PARTS: Final = ("whole", "decide", "record", "backend", "redact")
"""What is timed of an exchange, in the order of the road."""

NOBODY: Final = "none"
"""The account of somebody who was refused unknown, and the status for somebody who left."""

_PASSED: Final = frozenset({"ok", "tool_error", "stream_ended"})
_STOPPED: Final = frozenset({"refused", "rate_limited", "cancelled"})
_WITHHELD: Final = frozenset({"redaction_residual", "unscannable"})
_OURS: Final = 500
"""The first HTTP status that says: not the caller's doing."""

_KINDS: Final[dict[type[Refusal], str]] = {
    Denied: "denied",
    Malformed: "malformed",
    Unauthenticated: "unauthenticated",
    ScopeMissing: "scope_missing",
    NotFound: "not_found",
    Inadmissible: "inadmissible",
}


class Histogram:
    """How often something took how long, in seconds."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds


class Counts:
    """Counts of one running sidecar, since its start. Others may read while it counts."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, ...]] = Counter()
        self.refusals: Counter[str] = Counter()
        self.failures: Counter[tuple[str, ...]] = Counter()
        self.backend: Counter[tuple[str, ...]] = Counter()
        self.results: Counter[str] = Counter()
        self.masked: Counter[str] = Counter()
        self.shadow: Counter[str] = Counter()
        self.seconds = {part: Histogram() for part in PARTS}
        self.limits: dict[str, tuple[tuple[str, str], ...]] = {}

    def ended(self, exchange: Exchange, status: str, refusal: Refusal | None) -> None:
        """Count an exchange: a `Watch` of the road."""
        account = account_of(exchange)
        verdict = verdict_of(exchange, status)
        reply = exchange.reply
        answered = refusal or reply
        http = f"{answered.status // 100}xx" if answered else NOBODY
        self.requests[account, verdict, http] += 1
        if refusal is not None:
            self._refused(account, refusal)
        if exchange.tally.left:
            self._returned(account, exchange, status, refusal)
        self._timed(exchange)
        for one in (exchange.decision, exchange.tally):
            if one is not None and one.shadow is not None:
                self.shadow[one.shadow.result] += 1

    def _refused(self, account: str, refusal: Refusal) -> None:
        if refusal.status >= _OURS:
            self.failures[account, refusal.reason] += 1
        else:
            self.refusals[_KINDS.get(type(refusal), "other")] += 1

    def _returned(
        self, account: str, exchange: Exchange, status: str, refusal: Refusal | None
    ) -> None:
        """Count what came back of what had left for the backend."""
        self.backend[account, _answer(exchange, status, refusal)] += 1
        if exchange.reply is not None:
            for name, _ in exchange.reply.headers:
                if "ratelimit" in name:
                    # Read only when somebody asks.
                    self.limits[account] = exchange.reply.headers
                    break
        message, tally = exchange.message, exchange.tally
        if message is None or message.kind != "request":
            return
        if refusal is not None and refusal.reason in _WITHHELD:
            self.results["withheld"] += 1
        elif status in _PASSED:
            self.results["masked" if tally.masked else "clean"] += 1
        for entity, count in tally.masked.items():
            self.masked[entity] += count

    def _timed(self, exchange: Exchange) -> None:
        seconds, tally = self.seconds, exchange.tally
        if exchange.caller is not None and not exchange.is_listener:
            seconds["whole"].observe(exchange.elapsed_ms() / 1000)
        if exchange.decide_us:
            seconds["decide"].observe(exchange.decide_us / 1e6)
        if tally.record_seconds:
            seconds["record"].observe(tally.record_seconds)
        if exchange.received:
            seconds["backend"].observe(exchange.received - exchange.sent)
        if tally.redact_seconds:
            seconds["redact"].observe(tally.redact_seconds)


def account_of(exchange: Exchange) -> str:
    """The name of the account by which a call went or would have gone."""
    caller = exchange.caller
    return (caller.endpoint.account or DEFAULT_ACCOUNT) if caller else NOBODY


def verdict_of(exchange: Exchange, status: str) -> str:
    """How an exchange ended: allowed, masked, refused, rate_limited, cancelled, or error."""
    if status in _PASSED:
        return "masked" if exchange.tally.masked else "allowed"
    return status if status in _STOPPED else "error"


def _answer(exchange: Exchange, status: str, refusal: Refusal | None) -> str:
    if status == "rate_limited":
        return "rate_limited"
    if isinstance(refusal, BackendTimedOut):
        return "timed_out"
    if isinstance(refusal, BackendFailed) or status == "backend_error":
        return "failed"
    return "answered" if exchange.received else "broken_off"
