"""Who looked at a log, in a chain of its own beside it: `reviews/` in the log's folder.

A look is recorded before anything is shown. What was looked for is not written down, since a
reviewer may type a name: each value leaves a keyed hash, whose key is the event's own random id.
So whoever has a value in mind can test whether it was looked for, and nobody can read it.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sidecar.audit.calls import word
from sidecar.audit.chain import event_id, parse
from sidecar.audit.reader import lines, section
from sidecar.audit.segment import FILE_NAME
from sidecar.audit.table import Table
from sidecar.audit.verification import verify
from sidecar.audit.writer import Writer
from sidecar.errors import ConfigError, OrganDown
from sidecar.model import Event, JsonObject

FOLDER: Final = "reviews"

_NOTHING: Final = "None was recorded here; a copy of a log that cannot be written has no record."
_UNSIGNED: Final = "Nobody signs this record: whoever can write it can write it anew, or remove it."
_MAX_BYTES: Final = 64 << 20
_HASHED: Final = 16
"""Hexadecimal digits of a value's hash: enough to test a guess."""


def record(log: Path, command: str, filters: Mapping[str, str]) -> str:
    """Record that this process's user looks at a log; why it could not, or an empty text.

    `filters` are what was asked for, by the name of the option. Only a log that stands where a
    sidecar writes it, as `audit.jsonl` in a folder, can be recorded beside.
    """
    if not log.is_dir() and log.name != FILE_NAME:
        return "it is a copy under another name"
    folder = _beside(log)
    if folder.is_symlink():
        return f"{FOLDER} is a link to somewhere else"
    event = event_id()
    asked = [f"{name}={_hashed(event, value)}" for name, value in filters.items() if value]
    data: JsonObject = {"what": "exported", "command": command, "user": _user(), "filters": asked}
    try:
        _write(folder, Event(id=event, stage="admin", data=data))
    except ConfigError as error:
        return error.problems[0].what
    except (OrganDown, OSError) as error:
        return str(error)
    return ""


def looks(log: Path, subject: str = "") -> Table:
    """List the recorded looks at a log; whether each was for this subject, if one is given.

    A log without any has an empty table that says so. Their chain is verified, and a note says
    what does not hold, or why they cannot be read.
    """
    columns = ("time", "user", "command", "asked for", *(("this subject",) if subject else ()))
    rows = []
    with suppress(ConfigError):
        for raw in lines(_beside(log)):
            found = parse(raw) or {}
            if word(section(found, "data"), "what") == "exported":
                rows.append(_row(found, subject))
    fault = _fault(_beside(log))
    return Table(
        "Looks at this log",
        columns,
        tuple(rows),
        nothing=fault or _NOTHING,
        note=f"{fault} {_UNSIGNED}".strip(),
        about="Reports, queries and look-ups of this log, as the chain under reviews/ has them.",
    )


def _fault(folder: Path) -> str:
    """Say in a sentence why the recorded looks cannot be trusted; empty if they can be."""
    if not folder.exists():
        return ""
    try:
        found = verify(folder)
    except ConfigError as error:
        return f"The record of looks does not verify: {error.problems[0].what}."
    if found.is_valid:
        return ""
    return f"The record of looks does not verify, so some may be missing: {found.problems[0]}"


def _beside(log: Path) -> Path:
    return (log if log.is_dir() else log.parent) / FOLDER


def _row(found: JsonObject, subject: str) -> tuple[str, ...]:
    data = section(found, "data")
    asked = data.get("filters")
    named = [str(one) for one in asked] if isinstance(asked, list) else []
    asked_for = ", ".join(one.partition("=")[0] for one in named)[:200]
    row = (word(found, "ts"), word(data, "user"), word(data, "command"), asked_for)
    if not subject:
        return row
    token = _hashed(word(found, "id"), subject)
    return (*row, "yes" if any(one.endswith(f"={token}") for one in named) else "no")


def _write(folder: Path, event: Event) -> None:
    writer = Writer(
        folder, instance=f"review/{os.getpid()}", clock=lambda: datetime.now(UTC),
        max_bytes=_MAX_BYTES,
    )  # fmt: skip
    try:
        asyncio.run(writer.record(event, is_synced=True))
    finally:
        writer.close()


def _user() -> str:
    """The account that looks, as the machine names it."""
    uid = os.getuid()
    try:
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return str(uid)


def _hashed(event: str, value: str) -> str:
    return hmac.new(event.encode(), value.encode(), "sha256").hexdigest()[:_HASHED]
