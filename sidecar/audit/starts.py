"""Finds what the last start wrote, so that the next one can say what has changed since."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sidecar.audit.chain import MAX_LINE_BYTES, parse
from sidecar.audit.reader import section
from sidecar.audit.segment import FILE_NAME
from sidecar.model import JsonObject

_EARLIER: Final = re.compile(r"audit\.\d{12}\.jsonl")
_NEEDLE: Final = b'"what":"start"'


def last_start(folder: Path) -> JsonObject:
    """The record of the last lifecycle `start` in a folder of logs; empty if there is none.

    Looks from the end on, through the newest file first. The chain is not verified, so what is
    found is told and trusted with nothing. Never raises for what the files hold or lack.
    """
    for path in _newest_first(folder):
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as log:
                found = next(_starts(log), None)
        except (OSError, ValueError):  # not there, no file, or empty
            continue
        if found is not None:
            return found
    return {}


def _newest_first(folder: Path) -> Iterator[Path]:
    yield folder / FILE_NAME
    if folder.is_dir():
        names = (path for path in folder.iterdir() if _EARLIER.fullmatch(path.name))
        yield from sorted(names, reverse=True)


def _starts(log: mmap.mmap) -> Iterator[JsonObject]:
    """The last start first. Its words may stand in any line, so that each is read as a record."""
    at = log.rfind(_NEEDLE)
    while at >= 0:
        begin = log.rfind(b"\n", 0, at) + 1
        end = log.find(b"\n", at, at + MAX_LINE_BYTES)
        record = (parse(log[begin:end]) if end >= 0 and end - begin < MAX_LINE_BYTES else {}) or {}
        is_start = section(record, "data").get("what") == "start"
        if is_start and record.get("stage") == "lifecycle":
            yield record
        at = log.rfind(_NEEDLE, 0, begin)
