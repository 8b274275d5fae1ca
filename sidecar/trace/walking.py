"""The road put together around a recording, and what came of it as text."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from sidecar import audit, catalog, edge, identity, policy, redaction
from sidecar.app import now
from sidecar.exchange import Exchange
from sidecar.model import Endpoint, Head, JsonObject, Reply
from sidecar.pipeline import Backends, Durability, Organs, Road, Rules
from sidecar.settings import shipped
from sidecar.trace import recording as recordings
from sidecar.trace import steps as shown

_ISSUER: Final = "https://trace.invalid"
_AUDIENCE: Final = "trace"
_HOST: Final = "localhost:8080"


def walk(file: Path, site: Path | None = None) -> str:
    """Walk the recording in a YAML file and give the walk as text.

    The file holds `note`, `endpoint` (name, methods, tags), `caller` (subject, roles), `request`
    (headers, body) and `reply` (status, headers, body); only `request.body` is required. A body
    is JSON written as YAML, or text that is sent as it stands. `site` is a folder of own rules.

    Raises:
        ConfigError: the file is not such a recording, or `sidecar check` would refuse the rules;
            with every problem.
    """
    bundle = policy.load(shipped("policies"), site)
    return asyncio.run(_walk(recordings.read(file), bundle))


class Recorded:
    """A backend that gives one recorded reply, whatever it is asked."""

    def __init__(self, reply: JsonObject) -> None:
        given = {name.lower(): str(value) for name, value in reply.get("headers", {}).items()}
        headers = {"content-type": "application/json"} | given
        raw = recordings.raw(reply.get("body", ""))
        self._reply = Reply(reply.get("status", 200), tuple(headers.items()), raw)

    async def forward(self, verb: str, headers: dict[str, str], body: bytes | None) -> Reply:  # noqa: ARG002 - whatever it is asked
        """Give the recorded reply."""
        return self._reply


async def _walk(recording: JsonObject, bundle: policy.Bundle) -> str:
    steps: list[str] = []

    def observe(name: str, exchange: Exchange) -> None:
        steps.append(shown.step(len(steps) + 1, name, exchange))

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit"
        async with AsyncExitStack() as stack:
            writer = audit.Writer(log, instance="trace", clock=now, max_bytes=1 << 20)
            stack.callback(writer.close)
            token, secret_file = _secret(Path(folder))
            road = Road(
                _organs(recording, writer, bundle, token, secret_file),
                Rules(edge.Rules(frozenset({_HOST}), frozenset(), 1 << 22), Durability()),
                now,
                observe,
            )
            reply = await road.handle(*_request(recording, token, secret_file))
            await road.close()
        label = "   reply"
        if len(steps) < len(road.steps):
            label = f"{len(steps) + 1:2} refused"
        note = textwrap.fill(redaction.scrub(recording.get("note", "")), shown.WIDTH)
        parts = [*([note, ""] if note else []), *steps, shown.end(label, reply)]
        return "\n".join([*parts, "", "In the audit log:", *shown.logged(log / "audit.jsonl")])


def _secret(folder: Path) -> tuple[str, Path]:
    token = identity.new_endpoint_token()
    file = folder / "secret"
    file.touch(mode=0o600)
    file.write_text(secrets.token_urlsafe(32))
    return token, file


def _organs(
    recording: JsonObject,
    writer: audit.Writer,
    bundle: policy.Bundle,
    token: str,
    secret_file: Path,
) -> Organs:
    scope = recording.get("endpoint", {})
    key = identity.new_endpoint_token()
    endpoint = Endpoint(
        name=scope.get("name", "trace"),
        token_hash=identity.endpoint_hash(token, key),
        methods=tuple(scope.get("methods", ())),
        tags=tuple(scope.get("tags", ())),
    )
    issuer = identity.Issuer(_ISSUER, identity.SecretKey(secret_file), ("HS256",))
    bearer = identity.Bearer(_AUDIENCE, (issuer,))
    return Organs(
        identity=identity.Verifier(identity.Directory(key, [endpoint]), bearer),
        sessions=identity.Sessions(),
        tools=catalog.load([shipped("tool_catalog")]),
        policy=policy.Policy(policy.Embedded(bundle), timeout=5.0),
        audit=writer,
        backends=Backends({"": Recorded(recording.get("reply", {}))}),
    )


def _request(
    recording: JsonObject, token: str, secret_file: Path
) -> tuple[Head, Callable[..., Any]]:
    request, caller = recording["request"], recording.get("caller", {})
    bearer = identity.issue(
        secret_file.read_text(),
        issuer=_ISSUER,
        audience=_AUDIENCE,
        subject=caller.get("subject", "agent"),
        ttl_s=60,
        roles=tuple(caller.get("roles", ())),
    )
    raw = recordings.raw(request["body"])
    headers = {
        "host": _HOST,
        "content-type": "application/json",
        "content-length": str(len(raw)),
        "authorization": f"Bearer {bearer}",
    } | {name.lower(): str(value) for name, value in request.get("headers", {}).items()}

    async def read_body() -> bytes:
        return raw

    return Head("POST", f"/mcp/{token}", tuple(headers.items()), "127.0.0.1"), read_body
