"""What runs Rego, as the others see it: here, in an OPA server, or in both."""

from __future__ import annotations

from typing import Any, Protocol


class Engine(Protocol):
    """What runs Rego: the input document in, the value of `data.sidecar.main.said` out."""

    @property
    def policy_sha256(self) -> str:
        """Digest of the policy that decides now, for the audit log."""

    async def evaluate(self, document: dict[str, Any]) -> Any:
        """Evaluate once. Raises OrganDown when there is no value to be had."""
