"""When a log is signed, and when a segment of it is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sidecar.audit.block import Block, lifecycle
from sidecar.audit.chain import Tip
from sidecar.model import JsonObject

_LINES = 1000
"""Lines after which a checkpoint follows at once."""

_SECONDS = 10.0
"""How long a line waits for a checkpoint at most, while `tick` is called."""

Signer = Callable[[Tip, datetime], str]
"""Makes the text of a signed note for a chain that ends in a tip, at an aware time."""


class Rhythm:
    """What decides between lines: the last checkpoint, and the day of the segment's first line.

    Attributes:
        first: The seq of the live segment's first line, written or to come.
        is_asked: Somebody wants a checkpoint now.
        is_over: The segment is to be closed, whatever its size.
    """

    def __init__(self, signer: Signer | None, heartbeat: float) -> None:
        self.first = 1
        self.is_asked = False
        self.is_over = False
        self._signer = signer
        self._heartbeat = heartbeat
        self._signed = 0
        self._signed_at: datetime | None = None
        self._day = ""

    def began(self, first: JsonObject | None, tip: Tip) -> None:
        """Note the live segment's first line; None if it has none yet."""
        self.first = first["seq"] if first else tip.seq + 1
        self._day = str(first.get("ts"))[:10] if first else ""

    @property
    def signed(self) -> int:
        """How many lines the last checkpoint of this process signs, itself not; 0 before it."""
        return max(0, self._signed - 1)

    def look(self, tip: Tip, now: datetime) -> bool:
        """Tell whether something is due by time: a checkpoint, or the segment of a day past."""
        day = now.astimezone(UTC).date().isoformat()
        self._day, self._signed_at = self._day or day, self._signed_at or now
        self.is_over = self.is_over or (day > self._day and tip.seq >= self.first)
        if self._signer is None:
            return self.is_over
        patience = _SECONDS if tip.seq > self._signed else self._heartbeat
        # The distance: a clock that steps back must not end the heartbeat.
        return self.is_over or abs((now - self._signed_at).total_seconds()) >= patience

    def sign(self, block: Block, now: Callable[[], datetime]) -> None:
        """Let a checkpoint follow, if one is due after these lines."""
        if self._signer is None or not block.tip.seq:
            return
        is_first = not self._signed
        is_due = is_first or block.is_last or block.tip.seq - self._signed >= _LINES
        if not (self.is_asked or (is_due and block.lines)):
            return
        ts = now()
        block.put(lifecycle("checkpoint", note=self._signer(block.tip, ts)), ts)
        block.is_synced = block.has_checkpoint = True
        self.is_asked = False

    def arrived(self, block: Block, now: Callable[[], datetime]) -> None:
        """Note a block that was written."""
        if block.has_checkpoint:
            self._signed, self._signed_at = block.tip.seq, now()
        if block.closed:
            self.first, self.is_over, self._day = block.tip.seq + 1, False, ""
