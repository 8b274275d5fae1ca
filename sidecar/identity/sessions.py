"""Which caller an MCP session belongs to, so that nobody can use another's."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from sidecar.errors import NotFound

Principal = tuple[str, ...]
"""`Caller.principal`: survives a token's renewal, differs between callers."""


class Sessions:
    """A bounded memory of session bindings. The longest unused one makes room for a new one.

    A session that was forgotten, has run out or is another's is refused in the same way (MCP
    2025-11-25, "Session Hijacking"); clients then initialize again.
    """

    def __init__(
        self,
        capacity: int = 10_000,
        ttl_s: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._clock = clock
        self._bound: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._bound)

    def bind(self, session_id: str, principal: Principal) -> None:
        """Bind a new session to its caller, for `ttl_s` seconds from its last use.

        Raises:
            NotFound: The session is already bound to another caller; it never changes hands.
        """
        owner, ends = self._bound.get(session_id, (principal, 0.0))
        now = self._clock()
        if owner != principal and now < ends:
            raise NotFound("session_of_another")
        self._touch(session_id, principal, now)
        while len(self._bound) > self._capacity:
            self._bound.popitem(last=False)

    def check(self, session_id: str, principal: Principal) -> None:
        """Let a caller pass that uses its own session.

        Raises:
            NotFound: The session is unknown, has run out, or is another's.
        """
        now = self._clock()
        found = self._bound.get(session_id)
        if found is None:
            raise NotFound("session_unknown")
        owner, ends = found
        if now >= ends:
            del self._bound[session_id]
            raise NotFound("session_expired")
        if owner != principal:
            raise NotFound("session_of_another")
        self._touch(session_id, principal, now)

    def forget(self, session_id: str) -> None:
        """Drop a session that its caller or the backend has ended; unknown ones are no error."""
        self._bound.pop(session_id, None)

    def _touch(self, session_id: str, principal: Principal, now: float) -> None:
        self._bound[session_id] = (principal, now + self._ttl_s)
        self._bound.move_to_end(session_id)
