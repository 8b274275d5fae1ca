"""What the road needs of an upstream: the pooled client, or a recording when it is traced."""

from __future__ import annotations

from typing import Protocol

from sidecar.model import Reply


class Backend(Protocol):
    """Sends one request to the one backend."""

    async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
        """Send it and give the reply; raises BackendFailed or BackendTimedOut."""
