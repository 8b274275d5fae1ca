"""What was reviewed of each tool, and whether a backend still says the same (invariant 8).

Theory of operation. A tool's fingerprint covers what a model reads and what a caller is held to:
title, description, schemas, annotations. `Pins` hold the fingerprints that somebody accepted, in a
file that is reviewed like code. `Reviewed` answers as the catalog does, but marks a tool as pinned
only while the backend's own list, read by the sidecar itself, gives the accepted fingerprint. A
tool that the list does not show, or shows differently, is not pinned; policy decides what that
means, and the library refuses it. Without a file the first list that is read counts as reviewed,
so that what changes later is still noticed.

Each account at a backend has a list of its own, and may be shown fewer tools than another. So a
tool is pinned for an account whose own list shows it as accepted, while no account's list, as it
was last read, shows it otherwise. An account that was never read has no pinned tool, and says
nothing about those of others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from sidecar.catalog.mirrors import mirrors
from sidecar.errors import ConfigError, Problem
from sidecar.model import JsonObject, Tool

REVIEWED: Final = ("title", "description", "inputSchema", "outputSchema", "annotations")


class Tools(Protocol):
    """What answers for a tool's name: the catalog alone, or the catalog and what was reviewed."""

    def find(self, name: str, account: str = "", /) -> Tool:
        """What is known of the tool of this name, as a backend account lists it."""


def reviewed(entry: Mapping[str, Any]) -> JsonObject:
    """The part of a list's entry that a review is about."""
    return {key: entry[key] for key in REVIEWED if entry.get(key) is not None}


def fingerprint(entry: Mapping[str, Any]) -> str:
    """SHA-256 of that part, whatever the order of its keys."""
    return hashlib.sha256(orjson.dumps(reviewed(entry), option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Pins:
    """The accepted form of each tool by name, as the file holds it."""

    tools: Mapping[str, JsonObject]

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> Pins:
        """Take a list's entries as accepted."""
        return cls({str(entry["name"]): reviewed(entry) for entry in entries})

    @classmethod
    def read(cls, path: Path) -> Pins:
        """Read a file of pins.

        Raises:
            ConfigError: it cannot be read or is no file of pins.
        """
        try:
            value = orjson.loads(path.read_bytes())
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            raise ConfigError([Problem(str(path), what, "make it: sidecar catalog pin")]) from None
        except orjson.JSONDecodeError as error:
            raise ConfigError([Problem(f"{path}:{error.lineno}", "is not valid JSON")]) from None
        tools = value.get("tools") if isinstance(value, dict) else None
        if not isinstance(tools, dict) or not all(isinstance(t, dict) for t in tools.values()):
            raise ConfigError([Problem(f"{path}:1", "is no file of pins")])
        return cls(tools)

    def write(self, path: Path) -> None:
        """Write the file so that a version control shows what changed, line by line."""
        option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
        path.write_bytes(orjson.dumps({"tools": dict(self.tools)}, option=option) + b"\n")


@dataclass(frozen=True, slots=True)
class Drift:
    """How a list differs from what was accepted: names, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def drift(accepted: Mapping[str, str], now: Mapping[str, str]) -> Drift:
    """Compare fingerprints by name with those that were accepted."""
    both = now.keys() & accepted.keys()
    return Drift(
        added=tuple(sorted(now.keys() - both)),
        changed=tuple(sorted(name for name in both if now[name] != accepted[name])),
        removed=tuple(sorted(accepted.keys() - both)),
    )


class Reviewed:
    """The catalog's answers, with `is_pinned` by what was reviewed and what was last seen."""

    def __init__(self, tools: Tools, pins: Pins | None = None) -> None:
        self._tools = tools
        self._has_pins = pins is not None
        self._accepted = _fingerprints(pins) if pins else {}
        self._seen: dict[str, dict[str, str]] = {}
        self._said: dict[str, str] = {}
        self._mirrors: dict[str, dict[str, Mapping[str, tuple[str, ...]]]] = {}
        self.drift = Drift()

    def has_read(self, account: str = "") -> bool:
        """Whether the list of an account was ever read."""
        return account in self._seen

    def see(self, entries: list[JsonObject], account: str = "") -> bool:
        """Take an account's whole list as it is now; whether all drifted otherwise than before."""
        if not self._has_pins and not self.has_read(account):
            self._accept(entries)
        self._seen[account] = _seen(entries)
        self._said = _merged(self._seen.values())
        said = ((str(entry["name"]), mirrors(entry.get("inputSchema"))) for entry in entries)
        self._mirrors[account] = {name: paths for name, paths in said if paths}
        before, self.drift = self.drift, drift(self._accepted, self._said)
        return self.drift != before

    def _accept(self, entries: list[JsonObject]) -> None:
        """Count an account's first list as reviewed, but for tools that another showed before."""
        first = _fingerprints(Pins.of(entries))
        new = {name: form for name, form in first.items() if name not in self._said}
        self._accepted = new | self._accepted

    def find(self, name: str, account: str = "", /) -> Tool:
        """What is known of a tool, pinned if the account's own list says what was accepted."""
        tool = self._marked(name, self._seen.get(account, {}).get(name))
        paths = self._mirrors.get(account, {}).get(name)
        return replace(tool, mirrors=paths) if paths else tool

    def judge(self, entry: JsonObject) -> Tool:
        """The same for an entry of a list on its way to a caller: by what that entry says."""
        return self._marked(str(entry["name"]), fingerprint(entry))

    def _marked(self, name: str, shown: str | None) -> Tool:
        tool = self._tools.find(name)
        is_as_all_say = shown is not None and shown == self._said.get(name, shown)
        is_pinned = is_as_all_say and shown == self._accepted.get(name)
        return tool if tool.is_pinned == is_pinned else replace(tool, is_pinned=is_pinned)


def _seen(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The fingerprint of each name; of one that is listed in two forms, none."""
    seen: dict[str, str] = {}
    for entry in entries:
        name, now = str(entry["name"]), fingerprint(entry)
        seen[name] = now if seen.get(name, now) == now else ""
    return seen


def _merged(lists: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What all lists say of each name that one of them has; of one in two forms, nothing."""
    merged: dict[str, str] = {}
    for one in lists:
        for name, now in one.items():
            merged[name] = now if merged.get(name, now) == now else ""
    return merged


def _fingerprints(pins: Pins) -> dict[str, str]:
    return {name: fingerprint(entry) for name, entry in pins.tools.items()}
