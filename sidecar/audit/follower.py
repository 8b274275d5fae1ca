"""Reads a log behind its writer, from a place that is kept, and only what cannot be undone.

Theory of operation. A line is handed on once the writer has said that it stands (a block that did
not fit is cut back whole) and a sync has put it on the disk, so that no crash takes back what
somebody else already has. The place is a cursor: the last line handed on, by number and hash, and
where it ends. A segment that was closed meanwhile is read to its end under its new name, then the
next; nothing waits in memory.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import orjson
import structlog

from sidecar.audit.chain import GENESIS, MAX_LINE_BYTES, Tip, hash_of, parse, tip_of
from sidecar.audit.closed import closed_segments
from sidecar.audit.ends import last_line
from sidecar.audit.segment import FILE_NAME

BATCH_LINES: Final = 256
"""How many lines are handed on at once, at most."""

_log = structlog.get_logger("sidecar.audit")

_SEQ = re.compile(rb'\{"v":\d{1,6},"seq":(\d{1,18}),')
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last line that was handed on: it ends at `offset` of the segment from `first`."""

    seq: int = 0
    hash: str = GENESIS
    first: int = 0
    offset: int = 0

    @property
    def tip(self) -> Tip:
        """The line's number and hash."""
        return Tip(self.seq, self.hash)


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines in their order, and where one stands after them."""

    lines: tuple[bytes, ...]
    after: Cursor


class Follower:
    """Reads a folder's log from a cursor on; used by one thread.

    `file` keeps the cursor, mode 0600. It is believed once the log was seen to hold its line, by
    number and hash. One that does not fit, since another log took its place or somebody wrote it,
    is told to the operational log, and one begins at the log's begin.
    """

    def __init__(self, folder: Path, file: Path) -> None:
        self._folder = folder
        self._file = file
        self._fd = -1
        self._synced = 0
        self._is_found = False
        self.cursor = _read(file)
        """What was handed on, if the log holds it."""

    @property
    def passed_seq(self) -> int:
        """The last line handed on that this log was seen to hold; 0 before it was looked at."""
        return self.cursor.seq if self._is_found else 0

    def take(self, upto: int) -> Batch:
        """Get the next lines, none beyond the number `upto`; empty if there are none yet.

        They come again until `passed`. Raises OSError if the disk fails.
        """
        while self._fd >= 0 or self._open():
            is_closed = not self._is_live()
            batch = self._batch(upto)
            if batch.lines or not is_closed:
                return batch
            # Read to its end after it was closed: the next segment begins where this one ends.
            self._close()
            if not self._open() or self.cursor.offset:
                return batch
        return Batch((), self.cursor)

    def passed(self, batch: Batch) -> None:
        """Go on behind a batch, and keep that. A place that cannot be kept is only less recent."""
        self.cursor, self._is_found = batch.after, True
        with suppress(OSError):
            _write(self._file, self.cursor)

    def close(self) -> None:
        """Give up the file."""
        self._close()

    def _batch(self, upto: int) -> Batch:
        at = self.cursor
        size = os.fstat(self._fd).st_size
        if size <= at.offset or at.seq >= upto:
            return Batch((), at)
        if size > self._synced:
            os.fdatasync(self._fd)
            self._synced = size
        block = os.pread(self._fd, min(size - at.offset, MAX_LINE_BYTES), at.offset)
        taken: list[bytes] = []
        for text in block.split(b"\n", BATCH_LINES)[:BATCH_LINES][: block.count(b"\n")]:
            raw = text + b"\n"
            seq = _seq(raw, at.seq)
            if seq > upto:
                break
            at = Cursor(seq, hash_of(raw), at.first, at.offset + len(raw))
            taken.append(raw)
        return Batch(tuple(taken), at)

    def _open(self) -> bool:
        """Open the segment in which the cursor's next line stands; False if there is none."""
        candidates = _segments(self._folder)
        wanted = [one for one in candidates if one[0] <= self.cursor.seq + 1] or candidates[:1]
        if not wanted:
            return False
        first, path = wanted[-1]
        self._fd = os.open(path, _FLAGS)
        self._synced = 0
        at = self.cursor
        if first == at.first and self._ends(at):
            self._is_found = True
            return True
        if at.seq == 0 or (at.seq == first - 1 and (self._is_found or self._follows(at))):
            self.cursor, self._is_found = replace(at, first=first, offset=0), True
            return True
        _log.warning(
            "an audit cursor is not of this log; lines are shipped from its begin",
            file=self._file.name, seq=at.seq,
        )  # fmt: skip
        self.cursor, self._is_found = Cursor(), False
        self._close()
        return self._open()

    def _ends(self, at: Cursor) -> bool:
        """Tell whether the line that the cursor names ends where it says."""
        if not 0 < at.offset <= os.fstat(self._fd).st_size:
            return False
        return tip_of(last_line(self._fd, at.offset)) == at.tip

    def _follows(self, at: Cursor) -> bool:
        """Tell whether the open segment's first line names the cursor's as the one before."""
        record = parse(os.pread(self._fd, MAX_LINE_BYTES, 0).partition(b"\n")[0])
        return record is not None and record["prev"] == at.hash

    def _is_live(self) -> bool:
        """Tell whether the open segment is still the one that is written."""
        try:
            live = (self._folder / FILE_NAME).stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        mine = os.fstat(self._fd)
        return (live.st_dev, live.st_ino) == (mine.st_dev, mine.st_ino)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _segments(folder: Path) -> list[tuple[int, Path]]:
    """List the segments by their first number, the one that is written last."""
    found = closed_segments(folder)
    with suppress(FileNotFoundError), (folder / FILE_NAME).open("rb") as file:
        if first := _SEQ.match(file.read(64)):
            found.append((int(first[1]), folder / FILE_NAME))
    return found


def _seq(raw: bytes, before: int) -> int:
    match = _SEQ.match(raw)
    return int(match[1]) if match else before


def _read(file: Path) -> Cursor:
    """Read where one stood; the log's begin if that was never kept, or makes no sense."""
    try:
        found = orjson.loads(file.read_bytes())
        cursor = Cursor(**found)
    except (OSError, ValueError, TypeError):
        return Cursor()
    kinds = (cursor.seq, cursor.first, cursor.offset)
    is_sound = all(type(n) is int and n >= 0 for n in kinds) and isinstance(cursor.hash, str)
    return cursor if is_sound else Cursor()


def _write(file: Path, cursor: Cursor) -> None:
    """Keep a place, whole or not at all. Not synced: an older one only hands lines on again."""
    new = file.with_name(f"{file.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(new, flags, 0o600)
    try:
        os.write(fd, orjson.dumps(asdict(cursor)))
    finally:
        os.close(fd)
    new.replace(file)
