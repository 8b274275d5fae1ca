"""What is wrong with a sidecar, and what to do: its settings, listeners, and surroundings."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
import orjson

from sidecar import app, audit, entrance, pipeline, settings
from sidecar.errors import ConfigError, Refusal
from sidecar.identity import Unpublished
from sidecar.local.asking import SECONDS, ask
from sidecar.local.finding import Finding
from sidecar.local.visit import visit
from sidecar.settings import Issuer, Listening, Settings
from sidecar.shown import listed

_SOON: Final = timedelta(days=1)
_FULL: Final = 0.8
"""Share of the audit log's size at which its end is near."""
_UNREADY: Final = 503


async def examine(config: Path | None, url: str = "", bearer: str = "") -> AsyncIterator[Finding]:
    """Look at everything in turn; what cannot be looked at after a problem is left out.

    `url` is an endpoint's, as a client has it; without one no call is tried.
    """
    try:
        loaded = settings.load(config)
        parts = app.check(loaded)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("problem", f"{problem.where}: {problem.what}", problem.remedy)
        return
    count = len(loaded.endpoints)
    yield Finding("ok", f"settings, policies and catalog can be read; {count} endpoint(s)")
    for found in (*_endpoints(loaded), *_audit(loaded)):
        yield found
    for issuer in loaded.bearer.issuers if loaded.bearer else ():
        if issuer.jwks_url is not None:
            yield await _keys(issuer)
    for account in ("", *(one.name for one in loaded.accounts)):
        yield await _backend(account, loaded, parts)
    yield await _admin(loaded)
    yield await _listener(loaded)
    if url:
        yield await visit(url, bearer)


def _endpoints(loaded: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for endpoint in loaded.endpoints:
        ends = endpoint.expires_at
        if ends is not None and ends <= now:
            remedy = "set a later expires_at, or take it out"
            yield Finding("warning", f"endpoint {endpoint.name} expired at {ends}", remedy)
        elif ends is not None and ends - now < _SOON:
            remedy = "set a later expires_at if it is still needed"
            yield Finding("warning", f"endpoint {endpoint.name} expires at {ends}", remedy)


def _audit(loaded: Settings) -> Iterator[Finding]:
    folder, most = loaded.audit.folder, loaded.audit.max_bytes
    file = folder / "audit.jsonl"
    if not file.exists():
        yield Finding("warning", f"no audit log in {folder} yet", "it begins with the first start")
        return
    size = audit.bytes_in(folder)
    if size > most * _FULL:
        what = f"the audit log holds {size} of {most} bytes; a full log refuses every call"
        yield Finding(
            "warning", what, "move it away while the sidecar is stopped, or raise the size"
        )
    try:
        found = audit.verify(folder)
    except ConfigError as error:
        yield Finding("problem", f"{file}: {error.problems[0].what}", error.problems[0].remedy)
        return
    if found.is_valid:
        yield Finding("ok", f"the audit log's chain holds, {found.events} lines")
    else:
        what = f"the audit log's chain is broken at line {found.first_bad_line}"
        yield Finding("problem", what, f"look: sidecar audit verify {folder}")


async def _keys(issuer: Issuer) -> Finding:
    """Whether the key set can be fetched, on the very way that the sidecar takes."""
    try:
        async with asyncio.timeout(SECONDS), entrance.client(issuer) as http:
            body = await entrance.publisher(issuer, http).body()
        count = len(orjson.loads(body)["keys"])
    except (Unpublished, TimeoutError, ValueError, KeyError, TypeError) as error:
        what = f"the issuer's key set cannot be read ({str(error) or type(error).__name__})"
        return Finding("problem", what, "check its jwks_url and the way to it")
    return Finding("ok", f"the issuer's key set has {count} key(s)")


async def _backend(account: str, loaded: Settings, parts: app.Parts) -> Finding:
    whose = f"account {account}: the backend" if account else "the backend"
    try:
        async with app.backends(loaded)[account] as client:
            entries = await pipeline.read(client, loaded.backend.reply_timeout)
    except (Refusal, ConfigError) as error:
        what = f"{whose}'s list of tools cannot be read ({error})"
        place = "its url in accounts" if account else "backend.url"
        return Finding("problem", what, f"check {place}, its credential, and that it runs")
    names = {str(entry["name"]) for entry in entries}
    unknown = sorted(name for name in names if not parts.catalog.find(name).is_known)
    if unknown:
        told = listed(unknown, 10, ", ")
        what = f"{whose} has {len(names)} tools; refused as unknown: {told}"
        return Finding("warning", what, "review them: sidecar catalog import")
    return Finding("ok", f"{whose} has {len(names)} tools, all of them known")


async def _admin(loaded: Settings) -> Finding:
    url = f"{_base(loaded.admin)}/readyz"
    try:
        async with _anybody() as http:
            answer = await ask(http, "GET", url)
    except httpx2.HTTPError:
        remedy = "start it: sidecar serve --config FILE"
        return Finding("problem", f"no sidecar answers at {url}", remedy)
    said = " ".join(answer.text.split())[:300]
    if answer.status_code == _UNREADY:
        return Finding("problem", f"the sidecar is not ready: {said}", "see its log")
    if answer.status_code != httpx2.codes.OK or not said.startswith("ok"):
        remedy = "set admin.port to a free one"
        return Finding("problem", f"something else answers at {url}", remedy)
    if said != "ok":
        return Finding("warning", f"ready, {said.removeprefix('ok, ')}", "see the log")
    return Finding("ok", "the sidecar is ready")


async def _listener(loaded: Settings) -> Finding:
    base = _base(loaded.listen)
    where = base.partition("://")[2]
    try:
        async with _anybody() as http:
            answer = await ask(http, "POST", f"{base}/mcp/{'x' * 43}", json={})
    except httpx2.HTTPError:
        remedy = "start it: sidecar serve --config FILE"
        return Finding("problem", f"nothing listens for clients at {where}", remedy)
    if answer.status_code == httpx2.codes.NOT_FOUND and b"-32600" in answer.content:
        return Finding("ok", f"clients are served at {where}, and a made-up endpoint is not found")
    remedy = "set listen.port to a free one"
    return Finding("problem", f"something else answers at {where}", remedy)


def _base(listener: Listening) -> str:
    scheme = "https" if listener.certificate_file else "http"
    return f"{scheme}://{_reachable(listener.host)}:{listener.port}"


def _anybody() -> httpx2.AsyncClient:
    """A client for our own listeners, whoever vouches for them: it tells them no secret."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return httpx2.AsyncClient(verify=context, trust_env=False)


def _reachable(host: str) -> str:
    """An address of this machine on which a listener of `host` answers."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - read, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
