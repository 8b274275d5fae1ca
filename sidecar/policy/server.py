"""Rego in an OPA server, through opa-python-client; same protocol, same decisions.

The client retries a 500 twice with pauses of its own: switched off, a decision has one deadline.
Strict built-in errors are asked for, so that a failing built-in is an error here as it is embedded.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from opa_client.opa_async import AsyncOpaClient

from sidecar.errors import ConfigError, OrganDown, Problem

_PACKAGE: Final = "sidecar.main"
_RULE: Final = "said"


def _bracketed(host: str) -> str:
    """A host as a URL holds it; the client puts it there as it is."""
    return f"[{host}]" if ":" in host else host


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()


class Server:
    """An engine that asks OPA. Use as an async context manager."""

    def __init__(self, url: str, timeout: float, token: str | None = None) -> None:
        parts = urlsplit(url)
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._sha256 = ""
        self._client = AsyncOpaClient(
            host=_bracketed(parts.hostname or "localhost"),
            port=parts.port or (443 if parts.scheme == "https" else 8181),
            ssl=parts.scheme == "https",
            token=token,
            retries=0,
            timeout=timeout,
        )

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
        """Digest of the module texts that OPA held when it was last asked for them."""
        return self._sha256

    async def reread(self) -> None:
        """Ask OPA again which modules it holds; if it does not say, what it said last stands."""
        with contextlib.suppress(aiohttp.ClientError, OSError, ValueError):
            self._sha256 = _digest(await self._texts())

    async def evaluate(self, document: dict[str, Any]) -> Any:
        """Ask OPA for the entrypoint once.

        Raises:
            OrganDown: OPA cannot be reached, refuses, fails, or does not know the entrypoint.
        """
        try:
            answer = await self._client.query_rule(
                input_data=document,
                package_path=_PACKAGE,
                rule_name=_RULE,
                query_params={"strict-builtin-errors": "true"},
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            detail = f"OPA: {type(error).__name__}"
            raise OrganDown(detail, reason="policy_failed") from None
        if not isinstance(answer, dict) or "result" not in answer:
            raise OrganDown("OPA does not know the entrypoint", reason="policy_undefined")
        return answer["result"]

    async def _start(self) -> None:
        try:
            texts = await self._texts()
            answer = await self.evaluate({"version": 1, "tools": []})
        except (aiohttp.ClientError, OSError, ValueError, OrganDown) as error:
            what = f"no usable OPA answers there ({type(error).__name__})"
            remedy = "opa run --server --bundle policies --ignore '*_test.rego'"
            raise ConfigError([Problem(f"policy.opa_url {self._url}", what, remedy)]) from None
        if not isinstance(answer, dict):
            raise ConfigError([Problem("policy.opa_url", "the entrypoint is not an object")])
        self._sha256 = _digest(texts)

    async def _texts(self) -> list[str]:
        """The module texts that OPA holds.

        Asked for directly: the client fetches policies one by one, and fails for the ids that OPA
        gives to the modules of a bundle.
        """
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        async with (
            aiohttp.ClientSession(headers=self._headers, timeout=timeout) as http,
            http.get(f"{self._url}/v1/policies", allow_redirects=False) as reply,
        ):
            reply.raise_for_status()
            value = await reply.json()
        policies = value.get("result") if isinstance(value, dict) else None
        if not isinstance(policies, list) or not all(isinstance(p, dict) for p in policies):
            raise ValueError("this is no list of policies")
        return [str(policy.get("raw")) for policy in policies]
