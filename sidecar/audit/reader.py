"""Reads an audit log line by line, in bounded memory; whoever wrote the file is not trusted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sidecar.audit.chain import MAX_LINE_BYTES, parse
from sidecar.errors import ConfigError, Problem
from sidecar.model import JsonObject


def lines(path: Path) -> Iterator[bytes]:
    """Yield each line with its newline; a longer one than any writer writes comes in pieces.

    Raises ConfigError if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            while raw := file.readline(MAX_LINE_BYTES):
                yield raw
    except OSError as error:
        what = f"the audit log cannot be read: {error.strerror}"
        remedy = "name the file audit.jsonl in the sidecar's audit folder"
        raise ConfigError([Problem(str(path), what, remedy)]) from error


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
