"""The file `audit.jsonl`: one process writes it, in whole blocks or not at all.

Theory of operation. A block is handed to the kernel with `os.write`, again after a short write.
If that fails part-way the file is cut back to where it was, so that it always ends in a whole line
and the chain stays valid; if even that fails, the segment is unusable for good. Before each append
the path is looked up once: a log that was deleted, replaced, cut or written to by somebody else is
unusable as well, since what we append would be found by nobody or follow a line we never saw.

What a killed process left half-written is moved to `audit.torn.<n>` at the next start, unchanged.

A rotation renames the file and begins another under the same name. The lock on the old file is
given up when the new one is locked, and the new one must not exist before: there is no moment at
which a second process could become the writer of the folder. Cut short at any point, a rotation
leaves either the old file, or closed segments and no live file, or an empty one. All three are
continued at the next start, since lines are on the disk before the file gets its new name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sidecar.audit.closed import Closed, name_of
from sidecar.audit.ends import first_line, is_stop, last_line, last_newline, sync_folder
from sidecar.errors import ConfigError, Problem

FILE_NAME = "audit.jsonl"

_CHUNK = 1 << 16
# O_NOFOLLOW: the log is not written through a link that somebody else planted.
# O_NONBLOCK: a FIFO in the log's place must not hang the start; regular files ignore the flag.
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Unusable(OSError):
    """The segment cannot be appended to again by this process."""


@dataclass(frozen=True, slots=True)
class Torn:
    """A half-written last line that was moved out of the log."""

    file: str
    bytes: int
    sha256: str


class Segment:
    """The log's file, locked by this process.

    Raises ConfigError, naming the file, if it cannot be opened, is no regular file, or is locked.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        try:
            self._fd = _open(folder, self.path)
        except OSError as error:
            raise unusable(self.path, error.strerror or str(error)) from error
        try:
            self._take()
        except BaseException:
            os.close(self._fd)
            raise

    def _take(self) -> None:
        self._name = os.fspath(self.path)  # a plain string is looked up faster than a Path
        try:
            _lock(self._fd, self.path)
            self._note()
            self._check_in_place()
            self.torn = self._move_torn_tail()
        except OSError as error:
            raise unusable(self.path, error.strerror or str(error)) from error

    def _note(self) -> None:
        status = os.fstat(self._fd)
        self._identity = (status.st_dev, status.st_ino)
        self.size = status.st_size

    def append(self, block: bytes) -> None:
        """Append whole lines. Raises OSError with the file as it was, or Unusable."""
        self._check_in_place()
        try:
            _write_all(self._fd, block)
        except OSError as error:
            self._cut_back(error)
            raise
        self.size += len(block)

    def sync(self) -> None:
        """Wait until the disk has what was appended. Raises Unusable: nobody knows what it has."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise Unusable(error.errno, f"a sync failed: {error.strerror}") from error

    def rotate(self, first: int) -> Closed:
        """Close the file, whose first line is number `first`, and begin another. Sync it before.

        Raises OSError if it cannot be closed now, with everything as it was, or Unusable.
        """
        closed = Closed(first, self.path.with_name(name_of(first)), self.size)
        self._check_in_place()
        if os.path.lexists(closed.path):
            raise Unusable(errno.EEXIST, f"{closed.path.name} is there already")
        self.path.rename(closed.path)
        try:
            fresh = os.open(self.path, _FLAGS | os.O_EXCL, 0o600)
        except OSError as error:
            self._rename_back(closed.path, error)
            raise
        old, self._fd = self._fd, fresh
        try:
            _lock(fresh, self.path)
            self._note()
            sync_folder(self.path.parent)
        except (OSError, ConfigError) as error:
            raise Unusable(errno.EIO, f"no new segment could be begun: {error}") from error
        finally:
            os.close(old)
        return closed

    def free(self) -> tuple[int, int]:
        """Measure the disk: bytes that may still be written, and all that it holds."""
        found = os.fstatvfs(self._fd)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize

    def first_line(self) -> bytes:
        """Read the first line with its newline; empty if there is none."""
        return first_line(self._fd)

    def last_line(self) -> bytes:
        """Read the last line with its newline; empty if there is none."""
        return last_line(self._fd, self.size)

    def is_stopped(self) -> bool:
        """Tell whether the file ends as a run that was stopped ends it."""
        return is_stop(self._fd, self.size)

    def close(self) -> None:
        """Give up the lock and the file."""
        with contextlib.suppress(OSError):  # what a file system has to say now was said to `sync`
            os.close(self._fd)

    def _check_in_place(self) -> None:
        try:
            found = os.stat(self._name, follow_symlinks=False)  # noqa: PTH116  # hot path
        except OSError as error:
            raise Unusable(error.errno, "the log was moved or deleted") from error
        if (found.st_dev, found.st_ino) != self._identity:
            raise Unusable(errno.ESTALE, "another file took the log's place")
        if found.st_size != self.size:
            raise Unusable(errno.ESTALE, "somebody else changed the log")

    def _cut_back(self, cause: OSError) -> None:
        try:
            os.ftruncate(self._fd, self.size)
        except OSError as error:
            raise Unusable(error.errno, f"half a line was written: {cause.strerror}") from error

    def _rename_back(self, path: Path, cause: OSError) -> None:
        try:
            path.rename(self.path)
        except OSError as error:
            raise Unusable(error.errno, f"no new segment: {cause.strerror}") from error

    def _move_torn_tail(self) -> Torn | None:
        begin = last_newline(self._fd, self.size) + 1
        if begin == self.size:
            return None
        # Copied and synced before it is cut off: a crash in between costs a second copy, no byte.
        torn = _copy_out(self._fd, begin, self.size, self.path.parent)
        os.ftruncate(self._fd, begin)
        self.size = begin
        return torn


def unusable(path: Path, what: str, remedy: str = "") -> ConfigError:
    """Say that a log cannot be used, and what to do."""
    remedy = remedy or "give each instance a folder of its own that it may write to"
    return ConfigError([Problem(str(path), f"the audit log cannot be used: {what}", remedy)])


def _open(folder: Path, path: Path) -> int:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)
    fd = os.open(path, _FLAGS, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")  # noqa: TRY301  # closed below
        sync_folder(folder)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise unusable(path, "another process is writing it") from error


def _write_all(fd: int, block: bytes) -> None:
    written = os.write(fd, block)
    while written < len(block):
        more = os.write(fd, block[written:])
        if not more:
            raise OSError(errno.EIO, "the kernel took no bytes")
        written += more


def _copy_out(fd: int, begin: int, end: int, folder: Path) -> Torn:
    path, out = _new_torn_file(folder)
    digest = sha256()
    try:
        for offset in range(begin, end, _CHUNK):
            piece = os.pread(fd, min(_CHUNK, end - offset), offset)
            digest.update(piece)
            _write_all(out, piece)
        os.fsync(out)
    finally:
        os.close(out)
    sync_folder(folder)
    return Torn(file=path.name, bytes=end - begin, sha256=digest.hexdigest())


def _new_torn_file(folder: Path) -> tuple[Path, int]:
    number = 1
    while True:
        path = folder / f"audit.torn.{number}"
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
