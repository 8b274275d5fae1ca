"""opa-python-client's asynchronous client, with what its session is hard-wired for.

Its connector knows no socket of the machine, its TLS no authorities of one's own, its token is read
once, it follows redirects with the whole input, reads answers of any size, and drops what OPA says
of an error. Its retries are off: a decision has one deadline, and a 500 of OPA's means that a rule
failed, which it would do again.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
from opa_client.opa_async import AsyncOpaClient

from sidecar.errors import OrganDown
from sidecar.policy.embedded import MAX_INPUT
from sidecar.policy.opa.breaker import Down
from sidecar.settings import Rotating

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of an answer; the list of policies holds their syntax trees, of which ours are 0.6 MB."""

_KEEP_SECONDS: Final = 15.0
_PORT: Final = 8181
_UNIX: Final = "unix"


class RuleFailed(OrganDown):
    """OPA is well and a rule is not: evaluating this input ended in an error."""


class _Answer(aiohttp.ClientResponse):
    """An answer that is read up to a size, as JSON alone."""

    async def json(self, **_: Any) -> Any:
        """Read the body.

        Raises:
            ValueError: It is too large or no JSON, or says that it is something else.
        """
        if self.content_type != "application/json":
            raise ValueError("this says that it is no JSON")
        raw = bytearray()
        async for chunk in self.content.iter_any():
            raw += chunk
            if len(raw) > _LARGEST:
                self.close()
                raise ValueError("this is too large")
        return orjson.loads(raw)


class Client(AsyncOpaClient):  # type: ignore[misc]  # it comes without types
    """One session for `http://`, `https://` or `unix://` and a path; `timeout` in seconds.

    Every method raises Down when OPA gives no answer of its own, RuleFailed when a rule fails.
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        token: Rotating[str] | None = None,
        context: Rotating[ssl.SSLContext] | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme == _UNIX else ""
        self._token = token
        self._context = context
        is_tls = parts.scheme == "https"
        super().__init__(
            host=_bracketed(parts.hostname or "localhost"),
            port=80 if self._socket else parts.port or (443 if is_tls else _PORT),
            ssl=is_tls,
            retries=0,
            timeout=timeout,
        )

    async def _init_session(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(self._socket, keepalive_timeout=_KEEP_SECONDS)
            if self._socket
            else aiohttp.TCPConnector(keepalive_timeout=_KEEP_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.timeout),
            response_class=_Answer,
            json_serialize=_written,
        )

    @asynccontextmanager
    async def _request(
        self, method: str, url: str, **named: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.value}"
        if self._context is not None:
            named["ssl"] = self._context.value
        try:
            async with super()._request(
                method, url, headers=headers, allow_redirects=False, **named
            ) as answer:
                if answer.status != 200:  # noqa: PLR2004 - what OPA says of all that went well
                    await _refuse(answer)
                yield answer
        except TimeoutError:
            raise Down("OPA does not answer in time", reason="policy_timed_out") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Down(f"OPA: {type(error).__name__}", reason="policy_failed") from None

    async def texts(self) -> list[str]:
        """The texts of the modules that OPA holds.

        The client's own methods fetch them one by one, and fail for the ids of a bundle's modules.
        """
        async with self._request("GET", f"{self.root_url}/policies") as answer:
            value = await answer.json()
            policies = value.get("result") if isinstance(value, dict) else None
            if not isinstance(policies, list) or not all(isinstance(p, dict) for p in policies):
                raise ValueError("this is no list of policies")
        return [str(policy.get("raw")) for policy in policies]

    async def config(self, root: str) -> Any:
        """The document `data.<root>.config`; None if there is none."""
        async with self._request("GET", f"{self.root_url}/data/{root}/config") as answer:
            value = await answer.json()
            if not isinstance(value, dict):
                raise ValueError("this is no document")  # noqa: TRY004 - OPA's fault, told as Down
        return value.get("result")


async def _refuse(answer: aiohttp.ClientResponse) -> None:
    """Raise what an error means. OPA's words may hold a value of the input: none is repeated."""
    said = await answer.json() if answer.status == 500 else None  # noqa: PLR2004 - OPA's for a rule
    errors = said.get("errors") if isinstance(said, dict) else None
    codes = [e.get("code") for e in errors if isinstance(e, dict)] if type(errors) is list else []
    if codes and all(type(code) is str and code.startswith("eval_") for code in codes):
        raise RuleFailed("OPA could not evaluate a rule", reason="policy_failed")
    raise Down(f"OPA answers {answer.status}", reason="policy_failed")


def _bracketed(host: str) -> str:
    """A host as a URL holds it; the client puts it there as it is."""
    return f"[{host}]" if ":" in host else host


def _written(body: Any) -> str:
    """What is sent, within the size that the embedded engine takes, too."""
    try:
        raw = orjson.dumps(body)
    except TypeError:
        raise OrganDown("facts cannot be written", reason="policy_input") from None
    if len(raw) > MAX_INPUT:
        raise OrganDown(f"facts exceed {MAX_INPUT} bytes", reason="policy_input")
    return raw.decode()
