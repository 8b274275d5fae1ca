"""Reads the end of a log, and goes on as it is written, over rotations.

Theory of operation. The file that is being read stays open under whatever name it gets. Once it is
read to its end and no longer bears the name of the live file, the next one is the one that begins
with the next seq: a closed segment, if the log has rotated more than once meanwhile, or the live
file. So no line is left out and none comes twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from sidecar.audit.chain import MAX_LINE_BYTES, parse
from sidecar.audit.closed import closed_segments
from sidecar.audit.segment import FILE_NAME
from sidecar.errors import ConfigError, Problem

_CHUNK: Final = 1 << 16


def follow(path: Path, count: int, wait: Callable[[], bool]) -> Iterator[bytes]:
    """Yield the last `count` lines, at least one, and then each further one as soon as it is whole.

    Of a log that has just rotated the last lines are those of the live file. `wait` is called when
    there is none yet: it returns after a while, False to end.
    Raises ConfigError if the log cannot be read.
    """
    file = _opened(_live(path))
    seq = 0
    try:
        _go_back(file, count)
        while True:
            # Asked before the last lines are read: nothing is written to a file once it is closed.
            is_closed = _is_closed(path, file)
            for raw in _whole(file):
                seq = _seq(raw) or seq
                yield raw
            if is_closed:
                file.close()
                file = _following(path, seq)
            elif not wait():
                return
    finally:
        file.close()


def _live(path: Path) -> Path:
    return path / FILE_NAME if path.is_dir() else path


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        what = f"the audit log cannot be read: {error.strerror}"
        remedy = "name the sidecar's audit folder, or a file audit.jsonl"
        raise ConfigError([Problem(str(path), what, remedy)]) from error


def _go_back(file: BinaryIO, count: int) -> None:
    """Place a file at the beginning of its last `count` lines."""
    begin = end = file.seek(0, os.SEEK_END)
    found = b""
    while begin > 0 and found.count(b"\n") <= count:
        size = min(_CHUNK, begin)
        begin -= size
        file.seek(begin)
        found = file.read(size) + found
    lines = found.splitlines(keepends=True)
    file.seek(end - sum(map(len, lines[-count:])))


def _whole(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that are whole by now, and stay before the one that is not."""
    while raw := file.readline(MAX_LINE_BYTES):
        if not raw.endswith(b"\n") and len(raw) < MAX_LINE_BYTES:
            file.seek(-len(raw), os.SEEK_CUR)
            return
        yield raw


def _is_closed(path: Path, file: BinaryIO) -> bool:
    """Whether another file is the live one."""
    try:
        return _live(path).stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False  # between the renaming of the old file and the making of the new one


def _following(path: Path, seq: int) -> BinaryIO:
    live = _live(path)
    return _opened(dict(closed_segments(live.parent)).get(seq + 1, live))


def _seq(raw: bytes) -> int:
    record = parse(raw)
    return record["seq"] if record is not None else 0
