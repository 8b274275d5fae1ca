"""Reads an audit log line by line, in bounded memory; whoever wrote the files is not trusted.

A log is one file, or a folder: its closed segments `audit.<first seq>.jsonl` in their order, and
then `audit.jsonl`, which a sidecar may be writing at this moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from sidecar.audit.chain import MAX_LINE_BYTES, parse
from sidecar.audit.closed import closed_segments
from sidecar.audit.segment import FILE_NAME
from sidecar.errors import ConfigError, Problem
from sidecar.model import JsonObject

Told = Callable[[int, int], None]
"""Is told now and then how many bytes of how many have been read."""

_TOLD_BYTES = 1 << 22


def lines(path: Path, told: Told | None = None) -> Iterator[bytes]:
    """Yield each line of a file or a folder's log, as `placed` does, without saying where it is."""
    return (raw for _, found in placed(path, told) for raw in found)


def placed(path: Path, told: Told | None = None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each file of a log by name with its lines; take them before you ask for the next.

    Lines have their newline; a longer one than any writer writes comes in pieces.
    Raises ConfigError if the log cannot be read.
    """
    try:
        with ExitStack() as stack:
            files = _opened(path, stack)
            total = sum(os.fstat(file.fileno()).st_size for _, file in files)
            done = 0
            for name, file in files:
                yield name, _lines(file, done, total, told)
                done += file.tell()
    except OSError as error:
        what = f"the audit log cannot be read: {error.strerror}"
        remedy = "name the sidecar's audit folder, or a file audit.jsonl"
        raise ConfigError([Problem(str(error.filename or path), what, remedy)]) from error


def _opened(path: Path, stack: ExitStack) -> list[tuple[str, BinaryIO]]:
    if not path.is_dir():
        return [(path.name, stack.enter_context(path.open("rb")))]
    # The live file first: whatever a rotation closes from here on is the very file held open, or
    # newer than it.
    live = _live(path, stack)
    files: list[tuple[str, BinaryIO]] = []
    inode = os.fstat(live.fileno()).st_ino if live else 0
    for _, closed in closed_segments(path):
        file = stack.enter_context(closed.open("rb"))
        if os.fstat(file.fileno()).st_ino == inode:
            break
        files.append((closed.name, file))
    if live:
        files.append((FILE_NAME, live))
    return files or [(FILE_NAME, stack.enter_context((path / FILE_NAME).open("rb")))]


def _live(folder: Path, stack: ExitStack) -> BinaryIO | None:
    """Open the file that is written now; a crash while rotating leaves none."""
    try:
        return stack.enter_context((folder / FILE_NAME).open("rb"))
    except FileNotFoundError:
        return None


def _lines(file: BinaryIO, before: int, total: int, told: Told | None) -> Iterator[bytes]:
    due = _TOLD_BYTES
    done = 0
    while raw := file.readline(MAX_LINE_BYTES):
        yield raw
        done += len(raw)
        if done >= due and told:
            due = done + _TOLD_BYTES
            told(before + done, total)


def section(record: JsonObject, name: str) -> JsonObject:
    """Get a section of a record; empty if it is missing or no object."""
    found: Any = record.get(name)
    return found if isinstance(found, dict) else {}


def show(path: Path, event: str) -> list[JsonObject]:
    """Find the intent and the outcome that belong to an event id, given the id of either.

    In the order of the file; empty if the log does not have the id. Does not verify the chain.
    Raises ConfigError if the file cannot be read.
    """
    named = _mentioning(path, {event}) if event else []
    ids = {event} | {str(record["ref"]) for record in named if record.get("ref")}
    # The outcome names its intent, which stands before it: hence the second pass.
    return _mentioning(path, ids) if len(ids) > 1 else named


def _mentioning(path: Path, ids: set[str]) -> list[JsonObject]:
    needles = [event.encode("utf-8", "replace") for event in ids]
    found = []
    for raw in lines(path):
        # Most lines are passed over by a search of their bytes, which costs less than parsing.
        record = parse(raw) if any(needle in raw for needle in needles) else None
        if record and not ids.isdisjoint((str(record.get("id")), str(record.get("ref")))):
            found.append(record)
    return found
