"""What vouches for a chain besides itself: signed checkpoints, anchors kept elsewhere, tombstones.

A chain proves that its lines belong together, not that they are the ones that were written: whoever
can write the file can seal another history. A checkpoint in it is signed by a key that they may not
have; an anchor was noted where they could not reach it; a signed tombstone says that lines are gone
because they were pruned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sidecar.audit import anchors, notes
from sidecar.audit.anchors import Anchor
from sidecar.audit.chain import Tip
from sidecar.audit.notes import Keyring, Note
from sidecar.model import JsonObject

UNSIGNED: Final = "its checkpoint is not signed by an accepted key: it was forged, or a key lacks"
"""Why a checkpoint does not count of which nobody knows the key."""

_MOST_TOMBS = 10_000


@dataclass(frozen=True, slots=True)
class Signed:
    """The last checkpoint that an accepted key signed: the records up to `upto`, at the time `at`.

    `count` of them there are, by the keys with these fingerprints.
    """

    upto: int = 0
    at: str = ""
    count: int = 0
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tomb:
    """Record `seq` says that the segment from `first` to `last`, ending in `hash`, was pruned."""

    first: int
    last: int
    hash: str
    seq: int

    @property
    def tip(self) -> Tip:
        """The end of what was pruned."""
        return Tip(self.last, self.hash)


@dataclass(slots=True)
class Witnesses:
    """What vouches for one chain, gathered while it is walked. Sentences say what does not fit."""

    keys: Keyring
    anchors: tuple[Anchor, ...] = ()
    signed: Signed = Signed()
    tombs: list[Tomb] = field(default_factory=list)
    held: set[Anchor] = field(default_factory=set)
    awaited: dict[int, list[Anchor]] = field(default_factory=dict)
    is_contradicted: bool = False  # an anchor of this log, or every anchor, does not fit
    origins: set[str] = field(default_factory=set)  # of the logs that accepted keys signed

    def __post_init__(self) -> None:
        self.held = {anchor for anchor in self.anchors if anchors.is_empty(anchor)}
        for anchor in self.anchors:
            self.awaited.setdefault(anchor.tip.seq, []).append(anchor)

    def anchored(self, before: int = 0) -> tuple[int, str]:
        """The last record that an anchor holds as it stands in the chain, and when it was noted.

        With `before` only anchors of records before that one count.
        """
        held = (one for one in self.held if not before or one.tip.seq < before)
        last = max(held, key=lambda anchor: anchor.tip.seq, default=None)
        return (last.tip.seq, last.note.at if last.note else "") if last else (0, "")

    def checkpoint(self, record: JsonObject, data: JsonObject, origin: str) -> str:
        """Check what a checkpoint vouches for: the line before it, in this log, by a known key."""
        note = notes.parse(str(data.get("note")))
        if note is None:
            return "it is a checkpoint without a readable note"
        if note.origin != origin:
            return "its checkpoint is of another instance's log"
        if note.tip != Tip(record["seq"] - 1, record["prev"]):
            return f"its checkpoint vouches for another record {note.tip.seq}: it was replayed"
        return self._signature(note) if self.keys else ""

    def _signature(self, note: Note) -> str:
        signer = self.keys.signer(note)
        if not signer:
            return UNSIGNED
        known = self.signed.keys
        keys = known if signer in known else (*known, signer)
        self.origins.add(note.origin)
        self.signed = Signed(note.tip.seq, note.at, self.signed.count + 1, keys)
        return ""

    def tombstone(self, data: JsonObject, seq: int) -> None:
        """Note a pruned segment; whether a signature covers that is asked at the end."""
        first, last, digest = data.get("first"), data.get("last"), data.get("hash")
        if not (type(first) is int and type(last) is int and isinstance(digest, str)):
            return
        if len(self.tombs) < _MOST_TOMBS:
            self.tombs.append(Tomb(first, last, digest, seq))

    def meet(self, tip: Tip, origin: str) -> str:
        """Compare a record with the anchors of its number; ask only for numbers `awaited`."""
        mine = [one for one in self.awaited[tip.seq] if one.origin in {"", origin}]
        self.held.update(one for one in mine if one.tip == tip)
        strangers = {one for one in mine if one.tip != tip}
        self.anchors = tuple(one for one in self.anchors if one not in strangers)
        if not strangers:
            return ""
        self.is_contradicted = True
        return f"the anchor knew another record {tip.seq}: the history was rewritten"

    def begin(self, begin: Tip) -> str:
        """Say what is wrong with a chain that begins after `begin`; empty if that is accounted for.

        Only a signed tombstone that names exactly that end does. An anchor does not: it says that
        the records were there, and not that anybody was allowed to remove them.
        """
        if begin == Tip():
            return ""
        self.held.update(one for one in self.anchors if one.tip == begin)
        named = [tomb for tomb in self.tombs if tomb.tip == begin]
        if any(self._is_signed(tomb) for tomb in named):
            return ""
        if begin.seq == 0:
            return "it is the first and names a line before it"
        if begin.seq < 0:
            return f"its number is {begin.seq + 1} where 1 was due"
        why = f"its number is {begin.seq + 1} where 1 was due: {begin.seq} missing"
        unsigned = "; a tombstone names them, and no checkpoint of an accepted key covers that"
        return why + (unsigned if named else "")

    def pruned(self, begin: Tip) -> tuple[tuple[int, int], ...]:
        """First and last seq of each segment that is gone and that a signed tombstone names.

        Tombstones of segments pruned long ago went with the segments that they stood in: the first
        range then begins at 1.
        """
        known = sorted({(t.first, t.last) for t in self.tombs if self._is_signed(t)})
        gone = [(first, last) for first, last in known if last <= begin.seq]
        return ((1, gone[0][1]), *gone[1:]) if gone else ()

    def _is_signed(self, tomb: Tomb) -> bool:
        return tomb.seq <= self.signed.upto

    def end(self, begin: Tip, tip: Tip, origins: set[str]) -> list[str]:
        """Say which anchors of this log it does not hold, and what nobody signed."""
        mine = [one for one in self.anchors if one.origin in {"", *origins}]
        found = []
        if self.awaited and not mine and not self.held and not self._has_met(origins):
            named = ", ".join(sorted({one.origin for one in self.anchors})[:5])
            found.append(f"No anchor is of this log; the given are of {named}.")
        missing = [one.tip.seq for one in mine if one not in self.held]
        if missing := [seq for seq in missing if not 0 < seq < begin.seq]:
            found.append(
                f"The log ends at record {tip.seq} and does not hold the anchored record "
                f"{max(missing)}: its tail was cut off, or the whole log was replaced."
            )
        self.is_contradicted = self.is_contradicted or bool(found)
        if not self.keys:
            return found
        found += [
            f"The anchor of record {one.tip.seq} is not signed by an accepted key."
            for one in anchors.unsigned(mine, self.keys)
        ]
        if tip.seq and not self.signed.count:
            found.append("No checkpoint is signed by an accepted key: nobody vouches for the log.")
        return found

    def _has_met(self, origins: set[str]) -> bool:
        """Tell whether an anchor of this log was met on the way, fitting or not."""
        return any(one.origin in {"", *origins} for many in self.awaited.values() for one in many)
