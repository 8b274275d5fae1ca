"""Files that settings point to: secrets, and the folders that travel with the program."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal

from sidecar.errors import ConfigError, Problem

_PACKAGE = Path(__file__).resolve().parents[1]
_LONGEST = 65_536


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


def shipped(name: Literal["policies", "tool_catalog"]) -> Path:
    """The folder that travels with the program: inside the package, or beside it in a checkout.

    Raises:
        ConfigError: Neither is there; the installation is broken.
    """
    for folder in (_PACKAGE / "_library" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise _unusable(Path(name), "is not part of this installation", "install the package again")


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
