r"""One event as one line, tied to the line before it. Pure.

Theory of operation. A line is

    <body>,"hash":"<64 lower-case hex digits>"}\n

where `<body>` is a JSON object as orjson wrote it, without its closing brace. The hash is SHA-256
over exactly the bytes of `<body>`, the first byte of the line being the first one hashed. The last
member of `<body>` is `prev`, the hash of the line before (64 zeros in the first line), so each hash
covers the whole history. Bytes are hashed as they were written and never serialised again: two
JSON libraries need not agree on anything to verify a log. In a shell:

    head -n 1 audit.jsonl | tr -d '\n' | head -c -75 | sha256sum

A chain finds an edited, removed, moved or repeated line. It cannot find a missing tail, nor a
history that somebody wrote anew up to its end: for these, keep an anchor (`Writer.head`) elsewhere.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from sidecar.model import Event, JsonObject

VERSION = 1
"""The member `v`: raised when a reader of the old schema would misread a line."""

GENESIS = "0" * 64
"""What stands for the hash of the line before the first."""

MAX_LINE_BYTES = 1 << 20
"""A longer line is neither written nor accepted, so that readers need bounded memory."""

_VARIANT = 0b10 << 62
_RANDOM = 0xFFF << 64 | (1 << 62) - 1
"""Of the last 76 bits of an id: the two that RFC 9562 fixes, and the 74 random ones."""

_HASH_MEMBER = b',"hash":"'
_SECTIONS = ("ref", "actor", "src", "trace", "mcp", "decision", "data", "outcome")
_SEAL_BYTES = len(_HASH_MEMBER) + 64 + len(b'"}\n')


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of a chain: how many lines it has had, and the hash of the last one."""

    seq: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def event_id() -> str:
    """Make an id that sorts by time and cannot be guessed: a UUIDv7 (RFC 9562 section 5.7).

    48 bits of Unix time in milliseconds, then 74 bits from the operating system's secure source.
    """
    millis = (time.time_ns() // 1_000_000) & 0xFFFF_FFFF_FFFF
    # Written by hand: an object of `uuid` made and printed costs six times as much, twice a call.
    noise = int.from_bytes(os.urandom(10), "big")
    text = f"{millis:012x}7{noise & _RANDOM | _VARIANT:019x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def timestamp(moment: datetime) -> str:
    """Write an aware time as UTC with six decimals, so that texts sort as the times do.

    Raises ValueError for a time without a zone: nobody could say later when it was.
    """
    if moment.tzinfo is None:
        raise ValueError("a time in the audit log needs a zone; use datetime.now(UTC)")
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


def line(event: Event, *, seq: int, ts: datetime, instance: str, prev: str) -> bytes:
    """Serialise an event at its place in the chain, newline included.

    Empty sections are left out. Raises TypeError (orjson's JSONEncodeError) for a value that JSON
    cannot hold, ValueError for a time without a zone.
    """
    body: dict[str, Any] = {
        "v": VERSION,
        "seq": seq,
        "id": event.id,
        "ts": timestamp(ts),
        "instance": instance,
        "stage": event.stage,
    }
    for name in _SECTIONS:
        if section := getattr(event, name):
            body[name] = section
    body["prev"] = prev
    hashed = orjson.dumps(body)[:-1]
    return hashed + _HASH_MEMBER + sha256(hashed).hexdigest().encode() + b'"}\n'


def hash_of(raw: bytes) -> str:
    """Read the hash that a whole line states."""
    return raw[-67:-3].decode("ascii", "replace")


def is_sealed(raw: bytes) -> bool:
    """Tell whether a line has the form of a line and states the hash of its own bytes."""
    hashed, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
    return seal == _HASH_MEMBER + sha256(hashed).hexdigest().encode() + b'"}\n'


def parse(raw: bytes) -> JsonObject | None:
    """Read a line as a record, sealed or not; None if it is no JSON object with seq and prev."""
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict) or type(record.get("seq")) is not int:
        return None
    return record if isinstance(record.get("prev"), str) else None


def tip_of(raw: bytes) -> Tip | None:
    """Read where the chain stands after a whole, sealed line; None for any other bytes."""
    record = parse(raw) if is_sealed(raw) else None
    return Tip(record["seq"], hash_of(raw)) if record is not None else None
