"""Logs of several segments for tests: made with small ones, read as one chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from test_audit_event import records
from test_audit_writer import writer

from sidecar import audit
from sidecar.audit.closed import closed_in
from sidecar.model import JsonObject

ROOT = Path(audit.__file__).parents[2]
TESTS = Path(__file__).parent


def segmented(folder: Path, **changed: Any) -> audit.Writer:
    usual: dict[str, Any] = {"segment_bytes": 4096}
    if "signer" not in changed:
        usual["signer"] = audit.Signer(folder, "p-0/1")
    return writer(folder, **(usual | changed))


def files(folder: Path) -> list[Path]:
    live = folder / "audit.jsonl"
    return [*(one.path for one in closed_in(folder)), *([live] if live.exists() else [])]


def whole(folder: Path) -> Path:
    """All segments in one file, in the order of the chain."""
    path = folder.parent / "whole.jsonl"
    path.write_bytes(b"".join(file.read_bytes() for file in files(folder)))
    return path


def chain(folder: Path) -> list[JsonObject]:
    found: list[JsonObject] = records(whole(folder))
    return found


def what(record: JsonObject) -> str:
    return str(record.get("data", {}).get("what", record["stage"]))
