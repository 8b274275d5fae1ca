"""A log made without a writer: events sealed into lines, with checkpoints and tombstones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from test_audit_event import NOON, intent, outcome

from sidecar import audit
from sidecar.audit import notes
from sidecar.audit.chain import Tip, hash_of
from sidecar.model import Event

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
STRANGERS_KEY = Ed25519PrivateKey.from_private_bytes(b"x" * 32)


class Scribe:
    """Writes one instance's log into a list of lines."""

    def __init__(self, instance: str = "pod-1:8080", key: Ed25519PrivateKey = KEY) -> None:
        self.instance = instance
        self.key = key
        self.lines: list[bytes] = []
        self.tip = Tip()
        self.now: datetime = NOON

    def add(self, event: Event) -> bytes:
        place: dict[str, Any] = {"seq": self.tip.seq + 1, "prev": self.tip.hash, "ts": self.now}
        raw = audit.line(event, instance=self.instance, **place)
        self.lines.append(raw)
        self.tip = Tip(self.tip.seq + 1, hash_of(raw))
        self.now += timedelta(seconds=1)
        return raw

    def calls(self, count: int) -> None:
        for _ in range(count):
            begun = intent()
            self.add(begun)
            self.add(outcome(begun.id))

    def checkpoint(self) -> str:
        """Sign what there is, and give the note."""
        note = notes.make(self.instance, self.tip, self.now, self.key)
        self.add(lifecycle("checkpoint", note=note))
        return note

    def tombstone(self, segment: bytes) -> None:
        """Tell that a segment of these bytes was pruned."""
        first, last = (json.loads(segment.splitlines()[n]) for n in (0, -1))
        facts = {"first": first["seq"], "last": last["seq"], "hash": last["hash"]}
        self.add(
            lifecycle("pruned", **facts, sha256=sha256(segment).hexdigest(), bytes=len(segment))
        )


def lifecycle(what: str, **facts: Any) -> Event:
    return Event(id=audit.event_id(), stage="lifecycle", data={"what": what, **facts})


def whole(is_signed: bool = True) -> Scribe:
    """Five calls and a checkpoint, three times, and one more call."""
    scribe = Scribe()
    for _ in range(3):
        scribe.calls(5)
        if is_signed:
            scribe.checkpoint()
    scribe.calls(1)
    return scribe


def resealed(lines: Iterable[bytes], begin: Tip | None = None) -> list[bytes]:
    """Seal lines anew, one after another, as somebody without the key can."""
    tip, out = begin or Tip(), []
    for raw in lines:
        record = json.loads(raw)
        kept = {"id", "stage", "ref", "actor", "src", "mcp", "decision", "data", "outcome"}
        event = Event(**{name: value for name, value in record.items() if name in kept})
        ts = datetime.fromisoformat(record["ts"])
        place: dict[str, Any] = {"seq": tip.seq + 1, "prev": tip.hash, "ts": ts}
        out.append(audit.line(event, instance=record["instance"], **place))
        tip = Tip(tip.seq + 1, hash_of(out[-1]))
    return out


def edited(raw: bytes) -> bytes:
    """Seal a line again that says something else."""
    record = json.loads(raw)
    event = intent()._replace(id=record["id"], actor={"endpoint": "somebody else"})
    place: dict[str, Any] = {"seq": record["seq"], "prev": record["prev"]}
    ts = datetime.fromisoformat(record["ts"])
    return audit.line(event, instance=record["instance"], ts=ts, **place)


def public(folder: Path, *keys: Ed25519PrivateKey, name: str = "accepted.pem") -> Path:
    """Write public keys into a file."""
    path = folder / name
    pems = (
        k.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for k in keys
    )
    path.write_bytes(b"".join(pems))
    return path
