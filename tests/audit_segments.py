"""Logs of several segments for tests: made with small ones, read as one chain."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from test_audit_event import records
from test_audit_writer import writer

from sidecar import audit
from sidecar.audit.chain import Tip
from sidecar.audit.closed import closed_in
from sidecar.model import JsonObject

ROOT = Path(audit.__file__).parents[2]
TESTS = Path(__file__).parent
KEY = Ed25519PrivateKey.generate()


def signed(tip: Tip, at: datetime) -> str:
    """A real signature over what a checkpoint says; the form of notes has tests of its own."""
    text = f"origin\n{tip.seq}\n{b64encode(bytes.fromhex(tip.hash)).decode()}\n"
    return f"{text}\n— origin {b64encode(b'key1' + KEY.sign(text.encode())).decode()}\n"


def segmented(folder: Path, **changed: Any) -> audit.Writer:
    return writer(folder, **({"segment_bytes": 4096, "signer": signed} | changed))


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
