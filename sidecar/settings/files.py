"""Files that settings point to: secrets, what rotates, and folders that travel with the program."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

import structlog

from sidecar.errors import ConfigError, Problem

_log = structlog.get_logger("sidecar.files")

T_co = TypeVar("T_co", covariant=True)

_PACKAGE = Path(__file__).resolve().parents[1]
_LONGEST = 65_536

RETRY_SECONDS: Final = 10.0
"""How soon a file that could not be used is read again, even if it seems unchanged."""


def secret(path: Path) -> str:
    """Read a secret from its file, without one trailing newline.

    Raises:
        ConfigError: The file is missing, unreadable, empty, not UTF-8, larger than 64 KiB, or
            can be written by everybody. The message names the file, never its content.
    """
    try:
        mode = path.stat().st_mode
        content = _head(path)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from None
    if mode & stat.S_IWOTH:
        raise _unusable(path, "can be written by everybody", "chmod o-w")
    if len(content) > _LONGEST:
        raise _unusable(path, "is too large for a secret", f"at most {_LONGEST} bytes")
    return _text(path, content)


class Rotating(Generic[T_co]):
    """What `read` makes of some files; made again when one of them changes.

    `read` gets the paths, and raises ConfigError, without a word of the content, for files that
    cannot be used. Making a Rotating raises what `read` raises.
    """

    def __init__(self, read: Callable[..., T_co], *paths: Path) -> None:
        self._read = read
        self._paths = paths
        # Stamped before it is read: what changes in between is noticed the next time.
        self._stamps = self._stamped()
        self._value = read(*paths)
        self._retry_at = float("inf")

    @property
    def value(self) -> T_co:
        """The value by the files as they are now, for the price of a stat for each.

        Never raises for a file: one that has become unusable leaves the last good value in use,
        and is logged once for each change.
        """
        stamps = self._stamped()
        is_changed = stamps != self._stamps
        if is_changed or time.monotonic() >= self._retry_at:
            self._stamps = stamps
            self._read_again(is_told=is_changed)
        return self._value

    def _read_again(self, *, is_told: bool) -> None:
        try:
            self._value = self._read(*self._paths)
        except ConfigError as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            if is_told:
                _log.warning(
                    "a file changed and cannot be used; what it held before stays in use",
                    problems=[str(problem) for problem in error.problems],
                )
        except Exception as fault:  # noqa: BLE001 - the outer edge of a look at a file, see below
            # A reader that stumbles must not end the looking: a revocation would go unseen.
            self._retry_at = time.monotonic() + RETRY_SECONDS
            _log.error("a file changed and its reader failed", exc_info=fault)
        else:
            self._retry_at = float("inf")
            _log.info("files changed and were read again", files=[str(p) for p in self._paths])

    def _stamped(self) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(map(stamp, self._paths))


def shipped(name: Literal["policies", "tool_catalog"]) -> Path:
    """The folder that travels with the program: inside the package, or beside it in a checkout.

    Raises:
        ConfigError: Neither is there; the installation is broken.
    """
    for folder in (_PACKAGE / "_library" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise _unusable(Path(name), "is not part of this installation", "install the package again")


def stamp(path: Path) -> tuple[int, ...] | None:
    """What differs once a file has changed, None of no file; a link's is that of its target."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST + 1)


def _text(path: Path, content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _unusable(path, "is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _unusable(path, "is empty", "write the secret into it")
    return text


def _unusable(path: Path, what: str, remedy: str = "") -> ConfigError:
    return ConfigError([Problem(str(path), what, remedy)])
