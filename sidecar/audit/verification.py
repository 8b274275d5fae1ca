"""Verifies an audit log offline: one pass, bounded memory, nothing needed but the log.

A chain finds an edited, removed, moved or repeated line. Whoever can write the file can write it
anew, though, up to its end, or cut its end off. Public keys find the first, by the checkpoints that
were signed; an anchor, kept where the log's writer could not reach it, finds both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sidecar.audit import anchors, trust
from sidecar.audit.keys import KEY_FILE, PUBLIC_FILE, keyring
from sidecar.audit.reader import Told, placed
from sidecar.audit.walk import MAX_PROBLEMS, Walk
from sidecar.audit.witnesses import Signed, Witnesses

__all__ = ["MAX_PROBLEMS", "Verification", "found", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What a log proves about itself, and what vouches for it.

    Attributes:
        is_valid: The chain is whole, from its first line to its last, its checkpoints fit and are
            signed by accepted keys, and it holds the anchors.
        events: Lines read.
        first_bad_line: Counted from 1 over all files; None if no line is bad.
        problems: Why it is not valid, in sentences, the first hundred.
        gaps: First and last missing `seq` of each gap.
        open_intents: Ids of intents without an outcome: calls whose end nobody recorded.
        stray_outcomes: Ids of outcomes whose intent is missing or already had its outcome.
        unclean_stops: Ends of runs without a lifecycle `stop`, as later runs noticed them.
        clock_steps_back: How often a line is dated before the line before it.
        has_clean_stop: The log ends with a lifecycle `stop`; False while it is being written.
        head: The last line's `seq:hash`, to be kept as the next anchor.
        checkpoints: How many are signed by an accepted key.
        signed_upto: The last `seq` that such a signature covers; 0 if none does. In a log that is
            not valid this and `anchored_upto` end before the first record that does not fit.
        signed_at: When that one was made, as it says itself.
        anchored_upto: The last `seq` that an anchor holds; 0 if none does.
        anchored_at: When that anchor was noted; empty if it does not say.
        keys: Fingerprints of the keys that signed.
        is_key_beside_log: The signing key lies in the log's folder.
        pruned: First and last `seq` of segments that a signed tombstone accounts for.
        trust: Sentences: who could have changed what, until when; the first says it in short.
        state: `holds` where something out of the folder's reach vouches for the log, `open` where
            nothing does, `broken` where it is not valid.
        instances: Who wrote, in the order of their first lines.
        vouched: Those of them of whom a checkpoint is signed by an accepted key.
    """

    is_valid: bool
    events: int
    first_bad_line: int | None
    problems: tuple[str, ...]
    gaps: tuple[tuple[int, int], ...]
    open_intents: tuple[str, ...]
    stray_outcomes: tuple[str, ...]
    unclean_stops: int
    clock_steps_back: int
    has_clean_stop: bool
    head: str
    checkpoints: int = 0
    signed_upto: int = 0
    signed_at: str = ""
    anchored_upto: int = 0
    anchored_at: str = ""
    keys: tuple[str, ...] = ()
    is_key_beside_log: bool = False
    pruned: tuple[tuple[int, int], ...] = ()
    trust: tuple[str, ...] = ()
    state: str = "open"
    instances: tuple[str, ...] = ()
    vouched: tuple[str, ...] = ()


def verify(
    path: Path,
    anchor: str | None = None,
    *,
    keys: Sequence[Path] = (),
    told: Told | None = None,
) -> Verification:
    """Verify a whole log, a file or a folder, and that it still holds what the anchors saw.

    An anchor proves the lines up to its own; what was cut off or written anew after it is not
    found. Raises ConfigError if a file cannot be read, or the anchor or a key is malformed.

    Args:
        path: The file, or the folder with all its segments.
        anchor: `SEQ:HASH`, or a text that holds notes of checkpoints, such as collected log lines.
        keys: PEM files of public keys whose signatures count; without any, `audit.pub` beside the
            log if it is there.
        told: Told now and then how many bytes of how many were read.
    """
    noted = anchors.read(anchor) if anchor is not None else ()
    folder = path if path.is_dir() else path.parent
    beside = folder / PUBLIC_FILE
    ring = keyring(keys or ([beside] if beside.is_file() else []))
    walk = Walk(Witnesses(ring, noted))
    for name, lines in placed(path, told):
        walk.enter(name if path.is_dir() else "")
        for raw in lines:
            walk.step(raw)
    is_beside = (folder / KEY_FILE).is_file()
    return found(walk, is_key_given=bool(keys), is_key_beside_log=is_beside)


def found(walk: Walk, *, is_key_given: bool, is_key_beside_log: bool = False) -> Verification:
    """End a walk and tell what it has found."""
    walk.end()
    signed, (anchored, anchored_at) = _vouched(walk)
    standing = trust.Standing(
        is_valid=not walk.problems,
        events=walk.events,
        last=walk.tip.seq,
        last_at=walk.ts,
        bad_from=walk.bad_from if walk.is_placed else 0,
        signed_upto=signed.upto,
        signed_at=signed.at,
        anchored_upto=anchored,
        anchored_at=anchored_at,
        has_anchors=bool(walk.witnesses.awaited),
        is_contradicted=walk.witnesses.is_contradicted,
        has_keys=bool(walk.witnesses.keys),
        is_key_given=is_key_given,
        is_key_beside_log=is_key_beside_log,
    )
    return Verification(
        is_valid=not walk.problems,
        events=walk.events,
        first_bad_line=walk.first_bad_line,
        problems=tuple(walk.problems),
        gaps=tuple(walk.gaps),
        open_intents=tuple(walk.intents),
        stray_outcomes=tuple(walk.strays),
        unclean_stops=walk.unclean_stops,
        clock_steps_back=walk.clock_steps_back,
        has_clean_stop=walk.is_stopped,
        head=str(walk.tip),
        checkpoints=walk.witnesses.signed.count,
        signed_upto=signed.upto,
        signed_at=signed.at,
        anchored_upto=anchored,
        anchored_at=anchored_at,
        keys=walk.witnesses.signed.keys,
        is_key_beside_log=is_key_beside_log,
        pruned=walk.witnesses.pruned(walk.begin),
        trust=trust.sentences(standing),
        state=trust.state(standing),
        instances=tuple(walk.instances),
        vouched=tuple(n for n, o in walk.instances.items() if o in walk.witnesses.origins),
    )


def _vouched(walk: Walk) -> tuple[Signed, tuple[int, str]]:
    """What is signed and anchored of that part of the log that fits."""
    if not walk.is_placed:
        return Signed(), (0, "")
    if walk.bad_from:
        return walk.signed, walk.witnesses.anchored(walk.bad_from)
    return walk.witnesses.signed, walk.witnesses.anchored()
