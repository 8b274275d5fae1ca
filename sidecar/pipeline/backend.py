"""What the road needs of an upstream: the pooled clients, or a recording when it is traced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sidecar.errors import OrganDown
from sidecar.model import Reply


class Backend(Protocol):
    """Sends one request to one backend, with the credential of one account there."""

    async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:
        """Send it and give the reply; raises BackendFailed or BackendTimedOut."""


@dataclass(frozen=True, slots=True)
class Backends:
    """The backend of each account by its name; the default account's name is empty."""

    by_account: Mapping[str, Backend]

    def of(self, account: str) -> Backend:
        """The backend of an account, and never another one in its place.

        Raises:
            OrganDown: there is no such account, as when it was taken out of the settings while an
                endpoint still names it.
        """
        backend = self.by_account.get(account)
        if backend is None:
            what = f"an endpoint's account is not in the settings: {account}"
            raise OrganDown(what, reason="account_unknown")
        return backend
