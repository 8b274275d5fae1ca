"""How much a log may still grow, by its own bound and by its disk's."""

from __future__ import annotations

from dataclasses import dataclass

_MOST_RESERVED = 1 << 26
_SHARE = 16

SEGMENT_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an operator allows: bytes of the whole folder and of a segment, days to keep at least.

    A segment is closed by the lines that reach its bound, or a quarter of the folder's if that is
    less; and at the first line of another day (UTC).
    """

    max_bytes: int
    segment_bytes: int = SEGMENT_BYTES
    keep_days: int = 0

    @property
    def segment(self) -> int:
        """The size that closes a segment."""
        return min(self.segment_bytes, max(1, self.max_bytes // 4))


class Space:
    """The room that is left. A part of it is reserved for what must be told of calls under way.

    The reserve is a sixteenth of the bound, and of the disk, but never more than 64 MiB. Intents
    leave it alone, so that the calls that were let out still get their outcomes; and a disk that
    others fill closes the gate before a write fails.
    """

    def __init__(self, bounds: Bounds, used: int) -> None:
        self.bounds = bounds
        self.used = used
        self.disk = (1 << 62, 1 << 62)
        """Bytes that are free for us, and all bytes, of the disk as last measured."""
        self._reserve = _reserve(bounds.max_bytes)

    def arrived(self, size: int, disk: tuple[int, int] | None) -> None:
        """Note bytes that were written, and the disk as it was measured after them."""
        self.used += size
        self.disk = disk or self.disk

    def why_low(self) -> str:
        """Say why no more calls can be let out; empty while they can."""
        return self.refusal(0, is_intent=True)

    def refusal(self, size: int, *, is_intent: bool) -> str:
        """Say why so many bytes more cannot be written; empty if they can."""
        reserve = self._reserve if is_intent else 0
        if self.used + size + reserve > self.bounds.max_bytes:
            return "the log has reached its largest size; move it away and restart"
        free, whole = self.disk
        if is_intent and free - size < _reserve(whole):
            return f"only {free} bytes are free on its disk; make room there"
        return ""

    def is_scarce(self) -> bool:
        """Whether it is time to prune: there is room for less than the reserve twice."""
        free, whole = self.disk
        is_disk_scarce = free < 2 * _reserve(whole)
        return is_disk_scarce or self.used + 2 * self._reserve > self.bounds.max_bytes


def _reserve(whole: int) -> int:
    return min(_MOST_RESERVED, whole // _SHARE)
