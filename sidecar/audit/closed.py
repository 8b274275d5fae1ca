"""Segments of a log that are written no further: their names, their order, their tombstones.

A closed segment is called `audit.<seq of its first line, 12 digits>.jsonl`, so that the order of
the names is that of the chain. One that is pruned leaves a tombstone in the chain: what it was, so
that a reader can tell a pruned log from one that somebody cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from sidecar.audit.chain import Tip, tip_of
from sidecar.audit.ends import last_line, what_of
from sidecar.model import JsonObject

_NAME = re.compile(r"audit\.([0-9]{12})\.jsonl")
_OURS = "audit."


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed segment: the seq of its first line, its file, its size in bytes.

    Every method raises OSError if the file cannot be read.
    """

    first: int
    path: Path
    size: int

    def ended(self) -> datetime:
        """When its last line was written, as the file system dates it."""
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)

    def tip(self) -> Tip | None:
        """Where the chain stands after its last line; None if that is no intact record."""
        return tip_of(self._last())

    def is_signed(self) -> bool:
        """Whether its last line is a checkpoint, which signs every line before."""
        return what_of(self._last()) == "checkpoint"

    def tombstone(self, last: Tip) -> JsonObject:
        """Say what it was, before it goes."""
        with self.path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        return {
            "segment": self.path.name,
            "first": self.first,
            "last": last.seq,
            "hash": last.hash,
            "sha256": digest,
            "bytes": self.size,
        }

    def _last(self) -> bytes:
        with self.path.open("rb") as file:
            return last_line(file.fileno(), self.size)


def name_of(first: int) -> str:
    """Name the closed segment whose first line is number `first`."""
    return f"{_OURS}{first:012d}.jsonl"


def closed_segments(folder: Path) -> list[tuple[int, Path]]:
    """List a folder's closed segments in their order: the first seq of each, and its file.

    Raises OSError if the folder cannot be read.
    """
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match)


def closed_in(folder: Path) -> list[Closed]:
    """The same with their sizes. Raises OSError."""
    return [Closed(first, path, path.stat().st_size) for first, path in closed_segments(folder)]


def bytes_in(folder: Path) -> int:
    """Add up all files of a log: its segments, and what was torn off them. Raises OSError."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name.startswith(_OURS))
