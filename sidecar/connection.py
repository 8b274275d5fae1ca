"""One connection of an agent: the head of a request is bounded in size and in time.

uvicorn's httptools protocol bounds neither, so that anybody who can connect could fill the memory
with one endless header, or hold a connection for ever by never ending it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 64 * 1024
"""Largest request line and headers together; what one read brings in may exceed it."""

HEAD_SECONDS: Final = 10.0
"""Longest time from a connection's or a head's first byte to the head's last."""

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A protocol for `uvicorn.Config(http=Connection)`."""

    _size = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuse a head that grows too large (RFC 6585 section 5)."""
        if self._timer is not None:
            self._size += len(data)
        super().data_received(data)
        # Still no end of the head, although all of that was parsed.
        if self._timer is not None and self._size > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins: the first one, or the next on a connection that is kept."""
        if self._timer is None:
            self._begin()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head has ended in time."""
        self._end()
        super().on_headers_complete()

    def _begin(self) -> None:
        self._size = 0
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
