"""What has changed: since the last start in settings, policy, catalog and pins, and then in files.

Both become lifecycle events. They hold digests and names of settings: no value, and no content.
"""

from __future__ import annotations

import asyncio
import hashlib
import platform
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
import structlog
from pydantic import BaseModel

from sidecar import __version__, audit
from sidecar.errors import Refusal
from sidecar.model import Event, JsonObject
from sidecar.settings import Settings, dotted, stamp

_log = structlog.get_logger("sidecar.changes")

_PERIOD: Final = 10.0
"""Seconds between two looks at what others may change."""

_AT_START: Final = frozenset(
    {
        "endpoint_key_file",
        "jwks_ca_file",
        "pins_file",
        "pod_uid_file",
        "signing_key_file",
    }
)
"""Files that are read once: a change counts from the next start on."""

_OURS: Final = frozenset({"store_file"})
"""What the sidecar writes itself."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SECTION: Final = re.compile(r"([a-z_]{1,64}):([0-9a-f]{64})")


def sha256(value: Any) -> str:
    """The digest of a JSON value, whatever the order of its members."""
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()


def started(
    settings: Settings, digests: Mapping[str, str], engine: str, before: JsonObject
) -> Event:
    """The lifecycle `start`: what runs, by which settings, and what differs from the last start.

    `digests` are those of policy, catalog and pins by these words; `before` is the record of the
    last start, or empty. Secrets of settings are left out of their digests.
    """
    sections = {name: sha256(value) for name, value in settings.model_dump(mode="json").items()}
    now = {"settings": sha256(sections), **digests}
    data: JsonObject = {
        "what": "start",
        "version": __version__,
        "python": platform.python_version(),
        "host": socket.gethostname(),
        "engine": engine,
        **{f"{name}_sha256": digest for name, digest in now.items() if digest},
        "sections_sha256": [f"{name}:{digest}" for name, digest in sorted(sections.items())],
        "is_first": not before,
    }
    if before:
        data |= {"last_start": str(before.get("id")), **_since(before, now, sections)}
    return Event(audit.event_id(), "lifecycle", data=data)


def _since(before: JsonObject, now: Mapping[str, str], sections: Mapping[str, str]) -> JsonObject:
    """What differs from the last start, by name, and the digests that it had."""
    said = before["data"]
    changed, old = [], {}
    if said.get("version") != __version__:
        changed.append("version")
    for name, digest in now.items():
        was = said.get(f"{name}_sha256", "")
        if was != digest:
            changed.append(name)
            if isinstance(was, str) and _DIGEST.fullmatch(was):
                old[f"{name}_sha256_before"] = was
    if "settings" in changed:
        known = dict(_sections(said.get("sections_sha256")))
        changed += sorted(
            f"settings.{name}" for name in sections if known.get(name) != sections[name]
        )
    return {"changed": changed, **old}


def _sections(said: Any) -> Iterator[tuple[str, str]]:
    for text in said if isinstance(said, list) else ():
        if match := _SECTION.fullmatch(str(text)):
            yield match[1], match[2]


def files(settings: Settings) -> dict[str, Path]:
    """Every file that a setting names and somebody else writes, by the setting's name."""
    return dict(_files(settings, ()))


def _files(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[str, Path]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _files(getattr(value, name), (*place, name))
    elif isinstance(value, tuple):
        for index, one in enumerate(value):
            yield from _files(one, (*place, index))
    elif isinstance(value, Path) and str(place[-1]).endswith("_file") and place[-1] not in _OURS:
        yield dotted(place), value


class Reread(Protocol):
    """A policy engine elsewhere, whose policy others may replace while it is asked."""

    @property
    def policy_sha256(self) -> str:
        """Digest of the policy that it held when it was last looked at."""

    async def reread(self) -> None:
        """Look at it again."""


class Watch:
    """Notices what others change while the sidecar runs, and records it.

    That a file has changed: a token, a key, a certificate, a deny list, or pins. It judges nothing:
    whether a new file can be used is said by its reader in the operational log. And that an engine
    elsewhere decides by another policy.
    """

    def __init__(
        self, named: Mapping[str, Path], writer: audit.Writer, engine: Reread | None = None
    ) -> None:
        self._named = named
        self._writer = writer
        self._engine = engine
        self._policy = engine.policy_sha256 if engine else ""
        self._seen = {name: stamp(path) for name, path in named.items()}

    async def look(self) -> None:
        """Record what differs from what was seen before.

        Raises OrganDown when it cannot be written; the next look then tells it.
        """
        for name, path in self._named.items():
            now = stamp(path)
            if now != self._seen[name]:
                await self._record(
                    what="rotated",
                    setting=name,
                    is_there=now is not None,
                    is_read_again=name.rpartition(".")[2] not in _AT_START,
                )
                self._seen[name] = now
        if self._engine is not None:
            await self._engine.reread()
            digest = self._engine.policy_sha256
            if digest != self._policy:
                before = {"policy_sha256_before": self._policy}
                await self._record(what="policy_changed", policy_sha256=digest, **before)
                self._policy = digest

    async def _record(self, **data: Any) -> None:
        event = Event(audit.event_id(), "lifecycle", data=data)
        await self._writer.record(event, is_synced=True)

    async def run(self, period: float = _PERIOD) -> None:
        """Keep looking until cancelled."""
        while True:
            await asyncio.sleep(period)
            try:
                await self.look()
            except Refusal as down:
                _log.warning("what others changed cannot be recorded yet", reason=down.reason)
