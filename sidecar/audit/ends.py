"""Both ends of a file of lines, read without what stands between them; and its folder's entry."""

from __future__ import annotations

import os
from pathlib import Path

from sidecar.audit.chain import MAX_LINE_BYTES, parse

_CHUNK = 1 << 16


def first_line(fd: int) -> bytes:
    """Read the first line; empty if there is none, or none that a writer could have written."""
    begin = os.pread(fd, MAX_LINE_BYTES, 0)
    return begin[: begin.find(b"\n") + 1]


def last_line(fd: int, size: int) -> bytes:
    """Read the last of the whole lines in the first `size` bytes; empty if there is none."""
    if size <= 0:
        return b""
    begin = last_newline(fd, size - 1) + 1
    return os.pread(fd, size - begin, begin)


def last_newline(fd: int, size: int) -> int:
    """Find the offset of the last newline in the first `size` bytes; -1 if there is none."""
    end = size
    while end > 0:
        begin = max(0, end - _CHUNK)
        found = os.pread(fd, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found
        end = begin
    return -1


def what_of(raw: bytes) -> str:
    """Tell what happened in the program's life by a line; empty for a line about anything else."""
    record = parse(raw) or {}
    data = record.get("data")
    if record.get("stage") != "lifecycle" or not isinstance(data, dict):
        return ""
    return str(data.get("what", ""))


def is_stop(fd: int, size: int) -> bool:
    """Tell whether a log ends as a run that was stopped ends it: a checkpoint may follow."""
    last = last_line(fd, size)
    if what_of(last) == "checkpoint":
        last = last_line(fd, size - len(last))
    return what_of(last) == "stop"


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: a synced file without a name is lost as well."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
