"""Chunks to events and back: server-sent events (WHATWG HTML section 9.2), on bytes.

A line ends at CR, LF or CRLF and nowhere else; U+2028 and its kin are text. What leaves is our own
canonical form, so that no client can cut the stream at other places than we did.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sidecar.errors import BackendFailed

_BOM = b"\xef\xbb\xbf"
_ID = re.compile(rb"[A-Za-z0-9._:/+=@|~-]{0,200}")
"""Ids of events as servers make them; prose has no business there."""

_SEPARATORS = tuple((c.encode(), b"\\u%04x" % ord(c)) for c in "\u0085\u2028\u2029")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event. `data` is None for a comment, which keeps a connection alive and means nothing."""

    data: bytes | None
    event: bytes = b""
    id: bytes | None = None
    retry: int | None = None


KEEP_ALIVE = ServerEvent(data=None)
"""What every comment becomes: its text is nobody's business."""


def serialise(event: ServerEvent) -> bytes:
    """Write an event in canonical form: LF, one space after the colon, one data line.

    Data is our JSON, which holds no line end, since it escapes control characters. What some
    clients take for a line end besides (U+0085, U+2028, U+2029) leaves as an escape.
    """
    if event.data is None:
        return b":\n\n"
    lines = []
    if event.event:
        lines.append(b"event: " + event.event)
    if event.id is not None:
        lines.append(b"id: " + event.id)
    if event.retry is not None:
        lines.append(b"retry: %d" % event.retry)
    data = event.data
    for separator, escape in () if data.isascii() else _SEPARATORS:
        data = data.replace(separator, escape)
    lines.append(b"data: " + data)
    return b"\n".join(lines) + b"\n\n"


class Parser:
    """An incremental reader: `feed` bytes as they come, get the events that are complete.

    Holds at most `max_event` bytes of an unfinished event.
    """

    def __init__(self, max_event: int) -> None:
        self._max = max_event
        self._buffer = b""
        self._held = 0
        self._is_start = True
        self._is_after_cr = False
        self._reset()

    def _reset(self) -> None:
        self._data: list[bytes] = []
        self._event = b""
        self._id: bytes | None = None
        self._retry: int | None = None
        self._held = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Take a chunk, split anywhere; give the events that it completes, in order.

        Raises:
            BackendFailed: an event is larger than allowed.
        """
        self._buffer += chunk
        if self._is_start and not self._drop_bom():
            return []
        events = []
        for line in self._lines():
            event = self._take(line)
            if event is not None:
                events.append(event)
        if len(self._buffer) + self._held > self._max:
            raise BackendFailed(f"an event exceeds {self._max} bytes", reason="event_too_large")
        return events

    def _drop_bom(self) -> bool:
        if len(self._buffer) < len(_BOM) and _BOM.startswith(self._buffer):
            return False
        self._buffer = self._buffer.removeprefix(_BOM)
        self._is_start = False
        return True

    def _lines(self) -> list[bytes]:
        # A CR ends a line at once; an LF that comes next, in this chunk or another, belongs to it.
        if self._is_after_cr and self._buffer:
            self._buffer = self._buffer.removeprefix(b"\n")
            self._is_after_cr = False
        if b"\r" in self._buffer:
            self._is_after_cr = self._buffer.endswith(b"\r")
            self._buffer = self._buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in self._buffer:
            return []
        *lines, self._buffer = self._buffer.split(b"\n")
        return lines

    def _take(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._finish()
        self._held += len(line)
        if self._held > self._max:
            raise BackendFailed(f"an event exceeds {self._max} bytes", reason="event_too_large")
        name, _, value = line.partition(b":")
        if not name:
            return KEEP_ALIVE
        self._field(name, value.removeprefix(b" "))
        return None

    def _field(self, name: bytes, value: bytes) -> None:
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        elif name == b"id" and _ID.fullmatch(value):
            self._id = value
        elif name == b"retry" and value.isdigit() and len(value) < 10:  # noqa: PLR2004 - 11 days in ms
            self._retry = int(value)

    def _finish(self) -> ServerEvent | None:
        has_anything = self._data or self._id is not None or self._retry is not None
        event = ServerEvent(b"\n".join(self._data), self._event, self._id, self._retry)
        self._reset()
        return event if has_anything else None
