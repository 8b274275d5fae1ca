"""Rego in an OPA server: same protocol, same decisions, and none at all while it is down.

Strict built-in errors are asked for, so that a failing built-in is an error here as it is embedded.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import Any, Final, Self

from sidecar.errors import ConfigError, OrganDown, Problem
from sidecar.policy.bundle import digest
from sidecar.policy.opa.breaker import Breaker
from sidecar.policy.opa.client import Client, RuleFailed
from sidecar.settings import Rotating

_PACKAGE: Final = "sidecar.main"
_RULE: Final = "said"

_NOTHING: Final[dict[str, Any]] = {"version": 1, "tools": []}
"""What nothing is to be said of, and quickly."""

_SHARE: Final = 0.9
"""OPA's share of the time for a decision: that it is late is seen here, and not cut off above."""


class Server:
    """An engine that asks OPA. Use as an async context manager.

    `url` is `http://`, `https://` or `unix://` and a path; `timeout` are seconds for a decision.
    Token and TLS are looked at anew for each request.
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        token: Rotating[str] | None = None,
        context: Rotating[ssl.SSLContext] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._client = Client(url, timeout * _SHARE, token, context)
        self._breaker = Breaker("OPA")
        self._sha256 = ""

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        try:
            await self._start()
        except BaseException:
            await self._client.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.__aexit__(*error)

    @property
    def policy_sha256(self) -> str:
        """Digest of what OPA held when it was last looked at, as `Bundle.sha256` of the same.

        It covers the texts of its modules, and the data at `sidecar.config` and `site.config`.
        """
        return self._sha256

    async def reread(self) -> None:
        """Look again at what OPA holds; if it does not say, what it said last stands."""
        with contextlib.suppress(OrganDown):
            await self._look()

    async def evaluate(self, document: dict[str, Any]) -> Any:
        """Ask OPA for the entrypoint once. After an outage what it holds is looked at first.

        Nor is it a caller's question that tells whether OPA is back: one who asks what takes too
        long would keep all others out.

        Raises:
            OrganDown: OPA cannot be reached, refuses, fails, or does not know the entrypoint.
        """
        with self._breaker.attempt() as is_probe:
            if is_probe:
                await self._look()
            try:
                answer = await self._ask(_NOTHING if is_probe else document)
            except RuleFailed as failed:
                answer = failed
        if is_probe:
            return await self.evaluate(document)
        if isinstance(answer, RuleFailed):
            raise answer
        if not isinstance(answer, dict) or "result" not in answer:
            raise OrganDown("OPA does not know the entrypoint", reason="policy_undefined")
        return answer["result"]

    async def _ask(self, document: dict[str, Any]) -> Any:
        return await self._client.query_rule(
            input_data=document,
            package_path=_PACKAGE,
            rule_name=_RULE,
            query_params={"strict-builtin-errors": "true"},
        )

    async def _start(self) -> None:
        try:
            await self._look()
            answer = await self.evaluate(_NOTHING)
        except OrganDown as down:
            what = f"no usable OPA answers there ({down})"
            remedy = "opa run --server --bundle policies --ignore '*_test.rego'"
            raise ConfigError([Problem(f"policy.opa_url {self._url}", what, remedy)]) from None
        if not isinstance(answer, dict):
            raise ConfigError([Problem("policy.opa_url", "the entrypoint is not an object")])

    async def _look(self) -> None:
        texts = await self._client.texts()
        data = {}
        for root in ("sidecar", "site"):
            config = await self._client.config(root)
            if config is not None:
                data[root] = {"config": config}
        self._sha256 = digest(texts, data)
