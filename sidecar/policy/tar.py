"""A tar to the files in it, strictly: what can be read in two ways is refused.

Not `tarfile`: it takes hours over some megabytes of an extended header (CVE-2024-6232), and knows
sparse files, links and sizes that contradict each other. What GNU tar, BSD tar, Python, Go and
`opa build` write of plain files is read; nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = 512
_EXTENSION: Final = 4096
"""Largest extended header, in bytes: a long name, times, and what a tool says of itself."""

_OCTAL: Final = re.compile(rb" *([0-7]+)[ \0]*")
_FILE: Final = (b"0", b"\0")
_FOLDER: Final = b"5"
_LONG_NAME: Final = b"L"
_PAX: Final = b"x"
_PAX_GLOBAL: Final = b"g"
_HARMLESS: Final = ("mtime", "atime", "ctime", "comment", "uname", "gname", "uid", "gid", "charset")
_VENDORS: Final = ("LIBARCHIVE.", "SCHILY.")


class TarError(Exception):
    """It is no tar of plain files and folders; says why, and `name` of which member if known."""

    def __init__(self, what: str, name: str = "") -> None:
        super().__init__(what)
        self.name = name


@dataclass(frozen=True, slots=True)
class Member:
    """One entry; a folder has no content."""

    name: str
    is_folder: bool
    content: bytes


def members(raw: bytes) -> Iterator[Member]:
    """The files and folders of a tar, in their order.

    Raises:
        TarError: It is none, breaks off, goes on behind its end, or holds anything else.
    """
    place, long_name = 0, ""
    while any(header := raw[place : place + _BLOCK]):
        size = _size(header)
        content = raw[place + _BLOCK : place + _BLOCK + size]
        if len(content) != size:
            raise TarError("breaks off")
        place += _BLOCK + -(-size // _BLOCK) * _BLOCK
        kind = header[156:157]
        if kind in {_LONG_NAME, _PAX, _PAX_GLOBAL}:
            if size > _EXTENSION:
                raise TarError("has an extended header that is too large")
            long_name = _extended(kind, content) or long_name
            continue
        name, long_name = long_name or _name(header), ""
        is_folder = kind == _FOLDER and not size
        if not (is_folder or kind in _FILE):
            raise TarError("is no file and no folder", name)
        yield Member(name, is_folder, content)
    if long_name or not header or any(raw[place:]):
        raise TarError("goes on behind its end" if header else "breaks off")


def _size(header: bytes) -> int:
    """The size of what follows a header, whose checksum must be right."""
    said = _number(header[148:156])
    if len(header) != _BLOCK or header[257:262] != b"ustar":
        raise TarError("is no tar that can be read")
    if said != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        raise TarError("is damaged")
    return _number(header[124:136])


def _number(field: bytes) -> int:
    found = _OCTAL.fullmatch(field)
    if found is None:
        raise TarError("is no tar that can be read")
    return int(found[1], 8)


def _name(header: bytes) -> str:
    """The name; in POSIX' form it may have a first part of its own."""
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    try:
        return field.partition(b"\0")[0].decode("utf-8")
    except UnicodeDecodeError:
        raise TarError("has a name that is no UTF-8") from None


def _extended(kind: bytes, content: bytes) -> str:
    """The name that an extended header gives to what follows it; empty if it gives none."""
    if kind == _LONG_NAME:
        return _text(content)
    path = ""
    while content:
        length, _, _ = content.partition(b" ")
        size = int(length) if re.fullmatch(rb"[1-9][0-9]{0,3}", length) else 0
        record, content = content[:size], content[size:]
        key, is_pair, value = record[len(length) + 1 : -1].partition(b"=")
        if len(record) != size or not size or record[-1:] != b"\n" or not is_pair:
            raise TarError("is damaged")
        name = _text(key)
        if name == "path" and kind == _PAX:
            path = _text(value)
        elif name not in _HARMLESS and not name.startswith(_VENDORS):
            raise TarError("has an extended header that says more than names and times")
    return path
