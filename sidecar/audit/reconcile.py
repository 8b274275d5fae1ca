"""Holds a backend's own log against the audit log: what reached it, and what was said to.

The sidecar sends each message with the id of its event as `x-request-id`. A request that the
backend has and the audit log has not came past the sidecar, or its event was lost; an intent that
the backend has not, in the time that its log covers, never arrived.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from sidecar.audit.calls import Call, read
from sidecar.audit.chain import MAX_LINE_BYTES
from sidecar.audit.reader import Told
from sidecar.errors import ConfigError, Problem

_ID: Final = re.compile(rb"(?i)[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""What an event's id looks like (UUIDv7), wherever a line has it."""

_LOOKS: Final = frozenset(
    {"initialize", "notifications/initialized", "server/discover", "tools/list", "DELETE"}
)
"""What the sidecar sends by itself, to see the list of tools; it belongs to no event."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What differs.

    Attributes:
        requests: Requests of the backend's log that bear an id.
        matched: Those of them that the audit log has.
        unknown: Ids that the backend saw and no event bears, with the line that has it.
        repeated: Ids that the backend saw more than once, and how often.
        unnamed: Lines of requests without an id.
        looks: Requests without an id that only look at tools or begin or end a session, as the
            sidecar's own do, in a log that says so: `method` beside an empty `x-request-id`.
        unseen: Calls whose intent was recorded and that the backend's log does not have.
        since: The first id's and the last id's time as milliseconds of Unix time; intents
            outside were not looked for.
        until: See `since`.
    """

    requests: int
    matched: int
    unknown: tuple[tuple[int, str], ...]
    repeated: tuple[tuple[str, int], ...]
    unnamed: tuple[int, ...]
    looks: int
    unseen: tuple[Call, ...]
    since: int
    until: int

    @property
    def is_clean(self) -> bool:
        """Whether both logs tell the same."""
        return not (self.unknown or self.repeated or self.unnamed or self.unseen)


def reconcile(
    path: Path, backend_log: Path, request: str = "", told: Told | None = None
) -> Reconciliation:
    """Compare both logs; only lines of the backend's that hold `request` are requests.

    Lines may be JSON or text. One id is taken from each, the first that looks like an event's.
    Raises ConfigError if one of them cannot be read.
    """
    seen: Counter[str] = Counter()
    where: dict[str, int] = {}
    unnamed = []
    looks = 0
    for number, raw in _requests(backend_log, request.encode()):
        found = _ID.search(raw)
        if found is None:
            is_look = _is_look(raw)
            looks += is_look
            if not is_look:
                unnamed.append(number)
            continue
        event = found[0].decode().lower()
        seen[event] += 1
        where.setdefault(event, number)
    times = sorted(map(_millis, seen)) or [0]
    known: set[str] = set()
    unseen = []
    for call in read(path, told):
        known.add(call.id)
        is_due = bool(call.ref) and call.id not in seen
        if is_due and times[0] <= _millis(call.id) <= times[-1]:
            unseen.append(call)
    return Reconciliation(
        requests=seen.total(),
        matched=sum(times for event, times in seen.items() if event in known),
        unknown=tuple((where[event], event) for event in seen if event not in known),
        repeated=tuple((event, times) for event, times in seen.items() if times > 1),
        unnamed=tuple(unnamed),
        looks=looks,
        unseen=tuple(unseen),
        since=times[0],
        until=times[-1],
    )


def _requests(path: Path, request: bytes) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(MAX_LINE_BYTES):
                number += 1
                if raw.strip() and request in raw:
                    yield number, raw
    except OSError as error:
        what = f"the backend's log cannot be read: {error.strerror}"
        remedy = "name a file with a line for each request"
        raise ConfigError([Problem(str(path), what, remedy)]) from error


def _is_look(raw: bytes) -> bool:
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    is_ours = isinstance(said, dict) and said.get("x-request-id", "") is None
    return is_ours and said.get("method") in _LOOKS


def _millis(event: str) -> int:
    """When a UUIDv7 was made; 0 if it is none."""
    return int(event[:8] + event[9:13], 16) if _ID.fullmatch(event.encode()) else 0
