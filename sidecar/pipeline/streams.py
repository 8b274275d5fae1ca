"""How many streams are open, so that listeners cannot take every connection there is.

A listener is asked about before it leaves for the backend, and has its place from then on. A call
that is answered by a stream is counted too, but never refused for it: by then it was executed.
"""

from __future__ import annotations

from sidecar.errors import OrganDown
from sidecar.exchange import Exchange


class Streams:
    """The open streams of a road and the listeners on their way to one; at most `most` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0
        self._coming: set[str] = set()

    def expect(self, exchange: Exchange) -> None:
        """Give a listener its place.

        Raises:
            OrganDown: every place is taken.
        """
        if not exchange.is_listener or exchange.head.verb == "DELETE":
            return
        if self._open + len(self._coming) >= self._most:
            public = "Too many streams are open. Try again later."
            after = (("retry-after", "5"),)
            raise OrganDown(public, reason="too_many_streams", public=public, headers=after)
        self._coming.add(exchange.id)

    def arrived(self, exchange: Exchange) -> None:
        """The exchange was answered: if by a stream, that one is counted as open by now."""
        self._coming.discard(exchange.id)

    @property
    def open(self) -> int:
        """How many are open, those of calls included."""
        return self._open

    def opened(self) -> None:
        """Count a stream."""
        self._open += 1

    def closed(self) -> None:
        """Count a stream no longer."""
        self._open -= 1
