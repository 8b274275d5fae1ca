"""A `bundle.tar.gz` to the rules and data in it: in memory, bounded, and refused in doubt.

Nothing is written anywhere, so that a name can lead nowhere. It is refused all the same if it holds
a link, a device, `..`, a name twice, or a file that a bundle of rules and data does not hold: what
nobody would read is a rule that somebody believes in.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from sidecar.errors import ConfigError, Problem
from sidecar.policy import tar

NAME: Final = "bundle.tar.gz"
"""What an archive in a folder is called."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Largest archive, compressed; four times what a ConfigMap holds."""

_EXPANDED: Final = 16 * 1024 * 1024
_MEMBERS: Final = 2000
_DEPTH: Final = 32
_LONGEST: Final = 200
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
        for number, member in enumerate(tar.members(expanded)):
            if number >= _MEMBERS:
                raise _UnusableError(f"has more than {_MEMBERS} members")
            path = _path(member)
            if path in seen:
                raise _UnusableError("is in it twice", "make it anew", str(path))
            seen.add(path)
            is_read = path.name in DATA_NAMES or not path.name.endswith(("_test.rego", _MANIFEST))
            if is_read and not member.is_folder:
                yield path, _text(member, path)
    except tar.TarError as error:
        remedy = "make it with tar czf, of files alone"
        raise _UnusableError(str(error), remedy, _shown(error.name)) from None


def _path(member: tar.Member) -> PurePosixPath:
    """Where a member lies. One leading slash is how OPA writes every name, and leads nowhere."""
    name = member.name.removeprefix("./").removeprefix("/")
    if member.is_folder:
        name = name.removesuffix("/")
        if name in {"", "."}:
            return PurePosixPath()
    steps = name.split("/")
    if not _shown(name) or len(steps) > _DEPTH or "\\" in name or {"", ".", ".."} & set(steps):
        what = "a name in it is no plain path"
        raise _UnusableError(what, "names such as site/rules.rego", _shown(name))
    last = steps[-1]
    is_ours = last in DATA_NAMES or last == _MANIFEST or last.endswith(".rego")
    if (not member.is_folder and not is_ours) or (last.startswith(".") and last != _MANIFEST):
        what = "is no rule, no data and no .manifest, so nothing would read it"
        raise _UnusableError(what, "leave it out, or name it *.rego or data.yaml", name)
    return PurePosixPath(name)


def _shown(name: str) -> str:
    """A name as a line can hold it; empty of another."""
    return name if name.isprintable() and len(name) <= _LONGEST else ""


def _text(member: tar.Member, path: PurePosixPath) -> str:
    try:
        return member.content.decode("utf-8")
    except UnicodeDecodeError:
        raise _UnusableError("is no UTF-8 text", "save it as UTF-8", str(path)) from None
