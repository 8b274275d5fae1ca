"""A `bundle.tar.gz` to the rules and data in it: in memory, bounded, and refused in doubt.

Nothing is written anywhere, so that a name can lead nowhere. It is refused all the same if it holds
a link, a device, `..`, a name twice, or a file that a bundle of rules and data does not hold: what
nobody would read is a rule that somebody believes in.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from sidecar.errors import ConfigError, Problem

NAME: Final = "bundle.tar.gz"
"""What an archive in a folder is called."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Largest archive, compressed; four times what a ConfigMap holds."""

_EXPANDED: Final = 16 * 1024 * 1024
_MEMBERS: Final = 2000
_DEPTH: Final = 32
_GZIP: Final = 31
"""zlib's code for gzip with its header and checksum, and nothing else."""

_MANIFEST: Final = ".manifest"
DATA_NAMES: Final = ("data.yaml", "data.yml", "data.json")
"""What a file of data is called."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive, and where it is said to be: in problems it reads like a folder."""

    place: Path
    raw: bytes


def members(archive: Archive) -> list[tuple[PurePosixPath, str]]:
    """The rules and data files of an archive, by their path in it, tests and manifest left out.

    Raises:
        ConfigError: It is no gzip of a tar of such files alone, or larger than it may be.
    """
    try:
        return sorted(_members(_expanded(archive.raw)))
    except _UnusableError as error:
        where = f"{archive.place}/{error.name}" if error.name else str(archive.place)
        raise ConfigError([Problem(where, str(error), error.remedy)]) from None


class _UnusableError(Exception):
    """Why an archive is refused: the member's name, if it is one's fault, and what to do."""

    def __init__(self, what: str, remedy: str = "", name: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy
        self.name = name


def _expanded(raw: bytes) -> bytes:
    if len(raw) > MAX_BYTES:
        raise _UnusableError(f"exceeds {MAX_BYTES} bytes", "leave out what is no rule and no data")
    unpacking = zlib.decompressobj(_GZIP)
    try:
        expanded = unpacking.decompress(raw, _EXPANDED + 1)
    except zlib.error:
        raise _UnusableError("is no gzip", "make it with tar czf") from None
    if len(expanded) > _EXPANDED:
        raise _UnusableError(
            f"exceeds {_EXPANDED} bytes when unpacked", "leave out what is no rule"
        )
    if not unpacking.eof:
        raise _UnusableError("breaks off", "copy it again")
    if unpacking.unused_data:
        raise _UnusableError("goes on behind its end", "make it anew with tar czf")
    return expanded


def _members(expanded: bytes) -> Iterator[tuple[PurePosixPath, str]]:
    seen: set[PurePosixPath] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(expanded), mode="r:", errors="strict") as tar:
            for number, member in enumerate(tar):
                if number >= _MEMBERS:
                    raise _UnusableError(f"has more than {_MEMBERS} members")
                path = _path(member)
                if path in seen:
                    raise _UnusableError("is in it twice", "make it anew", str(path))
                seen.add(path)
                if member.isdir():
                    continue
                text = _text(tar, member, path)
                if path.name in DATA_NAMES or not path.name.endswith(("_test.rego", _MANIFEST)):
                    yield path, text
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError):
        raise _UnusableError("is no tar that can be read", "make it with tar czf") from None


def _path(member: tarfile.TarInfo) -> PurePosixPath:
    """Where a member lies. One leading slash is how OPA writes every name, and leads nowhere."""
    name = member.name.removeprefix("./").removeprefix("/")
    if member.isdir() and name in {"", "."}:
        return PurePosixPath()
    shown = name if name.isprintable() and len(name) <= 200 else ""  # noqa: PLR2004 - for a line
    steps = name.split("/")
    if not shown or len(steps) > _DEPTH or "\\" in name or set(steps) & {"", ".", ".."}:
        raise _UnusableError(
            "a name in it is no plain path", "names such as site/rules.rego", shown
        )
    is_plain = member.isreg() and not member.issparse()
    if not (is_plain or member.isdir()):
        raise _UnusableError("is no file and no folder", "no links: put the file there", shown)
    last = steps[-1]
    is_ours = last in DATA_NAMES or last == _MANIFEST or last.endswith(".rego")
    if (is_plain and not is_ours) or (last.startswith(".") and last != _MANIFEST):
        what = "is no rule, no data and no .manifest, so nothing would read it"
        raise _UnusableError(what, "leave it out, or name it *.rego or data.yaml", shown)
    return PurePosixPath(name)


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath) -> str:
    file = tar.extractfile(member)
    raw = file.read() if file else b""
    if len(raw) != member.size:
        raise _UnusableError("breaks off", "copy it again", str(path))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _UnusableError("is no UTF-8 text", "save it as UTF-8", str(path)) from None
