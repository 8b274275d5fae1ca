"""What `sidecar audit verify` reads and prints."""

from __future__ import annotations

import errno
import os
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sidecar import audit
from sidecar.audit import anchors as noted
from sidecar.audit.sorting import MAX_WRAPPED_BYTES
from sidecar.audit.table import Table
from sidecar.cli.progress import Progress
from sidecar.errors import ConfigError, Problem
from sidecar.shown import listed, shown

STDIN = Path("-")
_WIDTH = 100
_WRITTEN = re.compile(r"audit\.([0-9]+\.)?jsonl")
"""The names of a log's own files; they are never taken for a stream."""


def log(path: Path, keys: Sequence[Path], anchors: str | None) -> bool:
    """Verify one log and print what was found; tell whether it holds."""
    progress = Progress("verified")
    found = audit.verify(path, anchors, keys=keys, told=progress)
    progress.end()
    _print(found)
    return found.is_valid


def stream(path: Path, keys: Sequence[Path], anchors: str | None, expected: Sequence[str]) -> bool:
    """Verify every log of a stream and print what was found; tell whether all hold."""
    ring = audit.keyring(keys)
    with read(path) as lines:
        fleet = audit.verify_stream(lines, expected=expected, anchors=anchors, keys=ring)
    for name, found in fleet.chains:
        print(f"Instance {shown(name)}\n")
        _print(found)
        print()
    rows: list[tuple[str, str | int]] = [
        ("all verified", "yes" if fleet.is_valid else "NO"),
        ("logs", len(fleet.chains)),
        ("repeated lines", fleet.repeated),
        ("lines that hold none", fleet.others),
        ("instances missing", listed(fleet.missing) or "none"),
    ]
    rows += [("problem", sentence) for sentence in fleet.problems]
    print(Table("Stream", ("check", "finding"), tuple(rows)).text())
    return fleet.is_valid


def is_shipped(path: Path, *, is_asked: bool) -> bool:
    """Tell whether to read a stream. Raises ConfigError if one is asked of a folder."""
    if path.is_dir():
        if is_asked:
            what, remedy = "is a folder: one log, no stream", "leave out --expect and --stream"
            raise ConfigError([Problem(str(path), what, remedy)])
        return False
    if is_asked or path == STDIN:
        return True
    if _WRITTEN.fullmatch(path.name) or not path.is_file():
        return False
    with path.open("rb") as file:
        return audit.is_stream(iter(lambda: file.readline(MAX_WRAPPED_BYTES), b""))


def refuse_shipped(path: Path) -> None:
    """Raise ConfigError for a shipped stream: what reads one log cannot read it."""
    if is_shipped(path, is_asked=False):
        remedy = f"split it first: sidecar audit unship {path} --into FOLDER"
        raise ConfigError([Problem(str(path), f"is a shipped stream; {remedy}")])


@contextmanager
def read(path: Path) -> Iterator[Iterator[bytes]]:
    """Open a stream and give its lines, while a terminal sees how far it is."""
    progress = Progress("read")
    with _opened(path) as file:
        total = 0 if path == STDIN else path.stat().st_size
        yield _lines(file, total, progress)
    progress.end()


def text_of(anchor: str) -> str:
    """Read an anchor that names a file; one that is written out stays as it is.

    Raises ConfigError for what is neither.
    """
    try:
        return Path(anchor).read_text("utf-8", "replace") if anchor else anchor
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such file"
    try:
        noted.read(anchor)
    except ConfigError:
        why = "no such file" if why == os.strerror(errno.ENOENT) else why
        remedy = "give `seq:hash`, which `sidecar audit verify` prints as head, or a file of lines"
        what = f"{why}, and not SEQ:HASH"
        raise ConfigError([Problem(f"--anchor {shown(anchor)}", what, remedy)]) from None
    return anchor


def names_of(expected: str | None) -> list[str]:
    """Read names from a list with commas, or from a file, where blanks part them too.

    Raises OSError for a file that cannot be read.
    """
    if expected is None:
        return []
    text = Path(expected[1:]).read_text("utf-8") if expected.startswith("@") else expected
    return text.replace(",", " ").split()


def _print(found: audit.Verification) -> None:
    print(audit.integrity(found).text())
    print(f"\n{audit.standing(found).text()}\n")
    for sentence in found.trust:
        print(textwrap.fill(sentence, _WIDTH, initial_indent="- ", subsequent_indent="  "))


def _opened(path: Path) -> BinaryIO:
    return sys.stdin.buffer if path == STDIN else path.open("rb")


def _lines(file: BinaryIO, total: int, progress: Progress) -> Iterator[bytes]:
    done = 0
    while raw := file.readline(MAX_WRAPPED_BYTES):
        yield raw
        done += len(raw)
        progress(done, total)
