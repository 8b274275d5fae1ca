"""A site's folder as a source of policies: looked at, and read again once it has come to rest.

Never by inotify: it is silent about what a ConfigMap's links or a network's mount do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from sidecar.errors import ConfigError, Problem
from sidecar.policy.bundle import Bundle
from sidecar.policy.load import load
from sidecar.settings import stamp

_log = structlog.get_logger("sidecar.policy")

CONFIRMED: Final = "confirmed"
"""The file beside the rules that confirms a policy which the guard holds back."""

_NEWEST: Final = "..data"
"""Where a mounted ConfigMap keeps which generation counts."""

_RETRY_SECONDS: Final = 10.0
"""How soon a folder that could not be used is read again, even if it seems unchanged."""

_LOOKS: Final = 4
"""How often a folder may differ between two looks before it is left to the next time."""

_Look = tuple[tuple[str, object], ...]


class Folder:
    """The library with a site's folder.

    Args:
        library: The shipped policies; they do not change while serving.
        folder: The site's folder, as it was loaded at the start.
        rest: Seconds without a change after which a folder counts as written.
    """

    def __init__(self, library: Path, folder: Path, rest: float = 0.25) -> None:
        self._library = library
        self._folder = folder
        self._rest = rest
        self._seen: _Look | None = None
        self._retry_at = float("inf")
        self._told: tuple[Problem, ...] = ()

    async def changed(self) -> Bundle | None:
        """The policy that is there, checked, if anything was written since it was last read.

        Read in a thread, and only what did not change while it was read: half of a folder, or
        halves of two, are never judged.

        Raises:
            ConfigError: it cannot be used; told once, and tried again even if nothing changes.
        """
        seen = await asyncio.to_thread(_look, self._folder)
        if seen == self._seen and time.monotonic() < self._retry_at:
            return None
        for _ in range(_LOOKS):
            await asyncio.sleep(self._rest)
            before, seen = seen, await asyncio.to_thread(_look, self._folder)
            if before == seen:
                return await self._read(seen)
        _log.warning("the policy folder is still being written", folder=str(self._folder))
        return None

    async def _read(self, seen: _Look) -> Bundle | None:
        try:
            bundle = await asyncio.to_thread(_loaded, self._library, self._folder)
        except ConfigError as error:
            if not await self._is_still(seen):
                return None
            is_told = seen == self._seen and error.problems == self._told
            self._seen, self._told = seen, error.problems
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            if is_told:
                return None
            raise
        if not await self._is_still(seen):
            return None
        self._seen, self._told, self._retry_at = seen, (), float("inf")
        return bundle

    async def _is_still(self, seen: _Look) -> bool:
        return await asyncio.to_thread(_look, self._folder) == seen


def _loaded(library: Path, folder: Path) -> Bundle:
    """Load in a thread of its own; whatever goes wrong there is one more problem of the folder."""
    try:
        return load(library, folder, is_timed=True)
    except ConfigError:
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of the engine is one; nothing else reaches a thread
        what = f"cannot be judged: {type(error).__name__}"
        raise ConfigError([Problem(str(folder), what)]) from None


def _look(folder: Path) -> _Look:
    """Names, times and sizes of all that may be read, and which part of a ConfigMap counts."""
    return tuple(_entries(folder, folder, set()))


def _entries(top: Path, folder: Path, entered: set[Path]) -> Iterator[tuple[str, object]]:
    try:
        real = folder.resolve()
        paths = sorted(folder.iterdir()) if real not in entered else []
    except OSError as error:
        yield str(folder), type(error).__name__
        return
    entered.add(real)
    for path in paths:
        name = str(path.relative_to(top))
        if path.name == _NEWEST and path.is_symlink():
            yield name, _target(path)
        elif path.name.startswith(".") or name == CONFIRMED:
            continue
        elif path.is_dir():
            yield from _entries(top, path, entered)
        else:
            yield name, stamp(path)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
