"""Splits what was shipped into logs as they were written: a folder for each, byte for byte.

Every reader of a log reads such a folder. What a stream lacks, the folder lacks, too: `verify`
finds it there, and `unship` tells it.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from sidecar.audit.segment import FILE_NAME
from sidecar.audit.sorting import Chain, Sorting
from sidecar.audit.streams import forks
from sidecar.errors import ConfigError, Problem

_IN_MEMORY: Final = 1 << 26
_LONGEST: Final = 100  # characters of a folder's name
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Part:
    """One log of a stream, in a folder of its own.

    Attributes:
        instance: Who began it.
        folder: Where it is now.
        records: How many lines it has.
        first: Number of its first record; more than 1 if those before are elsewhere or pruned.
        last: Number of its last.
        gaps: First and last number of each gap within.
    """

    instance: str
    folder: Path
    records: int
    first: int
    last: int
    gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Split:
    """What became of a stream.

    Attributes:
        parts: One for each log.
        problems: Lines that were changed and are in no folder, and logs that tell two histories.
        repeated: Lines that came more than once, and are kept once.
        others: Lines of the stream that hold none of ours.
    """

    parts: tuple[Part, ...]
    problems: tuple[str, ...]
    repeated: int
    others: int

    @property
    def is_whole(self) -> bool:
        """Whether there is a log at all, and nothing is known to lack within any."""
        return bool(self.parts) and not self.problems and not any(one.gaps for one in self.parts)


def unship(lines: Iterable[bytes], into: Path) -> Split:
    """Write each log of a stream to `into/<instance>/audit.jsonl`, readable by its owner alone.

    An instance that began anew has more than one: `<instance>.2`, and so on. Nothing is made if
    there is no log. Raises ConfigError, before anything is read, if `into` holds something already;
    OSError if it cannot be written.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        what = "is there already and not empty" if into.is_dir() else "is no folder"
        raise ConfigError([Problem(str(into), what, "name a folder that is to be made")])
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
        sorting = Sorting(kept)
        sorting.read(lines)
        chains = sorting.chains()
        taken: set[str] = set()
        parts = tuple(_written(one, into / _name(one, taken), sorting) for one in chains)
    problems = (*sorting.problems, *forks(chains))
    return Split(parts, problems, sorting.repeated, sorting.others)


def _name(one: Chain, taken: set[str]) -> str:
    """Make a folder's name of what an instance calls itself, whatever that is."""
    plain = _ODD.sub("_", one.lines[0].instance)[:_LONGEST].lstrip(".") or "_"
    name, count = plain, 1
    while name.lower() in taken:
        count += 1
        name = f"{plain}.{count}"
    taken.add(name.lower())
    return name


def _written(one: Chain, folder: Path, sorting: Sorting) -> Part:
    folder.mkdir(mode=0o700, parents=True)
    made = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(made, "wb") as file:
        for line in one.lines:
            file.write(sorting.bytes_of(line))
    gaps = tuple((a.seq + 1, b.seq - 1) for a, b in pairwise(one.lines) if b.seq > a.seq + 1)
    first = one.lines[0]
    return Part(first.instance, folder, len(one.lines), first.seq, one.tip.seq, gaps)
