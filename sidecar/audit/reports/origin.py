"""Where a report comes from, in one line: which log, whose, made when, checked with what."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sidecar import __version__
from sidecar.audit import anchors
from sidecar.audit.calls import word
from sidecar.audit.chain import parse
from sidecar.audit.following import follow
from sidecar.audit.keys import PUBLIC_FILE
from sidecar.audit.reader import lines
from sidecar.audit.verification import Verification
from sidecar.errors import ConfigError


def origin(log: Path, found: Verification, anchor: str | None, keys: Sequence[Path]) -> str:
    """Say from what a report of `log` was made, at this moment.

    The times are those of the log's first and last line, whatever time the report is about.
    Raises ConfigError if the log cannot be read, or the anchor is malformed.
    """
    first, last = next(lines(log), b""), _last(log)
    instances = ", ".join(found.instances) or "unknown"
    named = "instances" if len(found.instances) > 1 else "instance"
    now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    noted = len(anchors.read(anchor)) if anchor is not None else 0
    return (
        f"Log {log.absolute()}, {named} {instances}, {_at(first)} to {_at(last)} (UTC); "
        f"made {now} by sidecar {__version__}; "
        f"key: {_key(log, keys)}; anchors: {noted or 'none'}."
    )


def _last(log: Path) -> bytes:
    """The last line; empty where a crash while rotating left no file that is written."""
    with suppress(ConfigError):
        return next(follow(log, 1, lambda: False), b"")
    return b""


def _at(raw: bytes) -> str:
    at = word(parse(raw) or {}, "ts")
    return at[:19].replace("T", " ") or "unknown"


def _key(log: Path, keys: Sequence[Path]) -> str:
    if keys:
        return "given"
    beside = (log if log.is_dir() else log.parent) / PUBLIC_FILE
    return "beside the log" if beside.is_file() else "none"
