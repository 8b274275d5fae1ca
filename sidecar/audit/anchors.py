"""Anchors: what somebody outside the box has noted of a log. Pure.

An anchor is `SEQ:HASH`, or a checkpoint's note as the sidecar gave it away: alone, in lines of the
operational log that somebody collected, or in a shipped stream, whatever JSON lies around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sidecar.audit.chain import GENESIS, Tip
from sidecar.audit.envelopes import texts
from sidecar.audit.notes import ORIGIN, Keyring, Note, parse
from sidecar.errors import ConfigError, Problem

_PLAIN = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")
_NOTE = re.compile(rf"^{re.escape(ORIGIN)}\S*\n(?:[^\n]+\n){{2,8}}\n(?:— [^\n]+\n)+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A log once had `tip.seq` records ending in `tip.hash`.

    `origin` names the log; it is empty where the anchor does not say. `note` is what it was read
    from, so that its signature can be checked.
    """

    tip: Tip
    origin: str = ""
    note: Note | None = None


def read(text: str) -> tuple[Anchor, ...]:
    """Find every anchor in a text, each once. Raises ConfigError if there is none."""
    plain = _PLAIN.fullmatch(text.strip())
    if plain:
        return (Anchor(Tip(int(plain[1]), plain[2])),)
    found = dict.fromkeys(Anchor(note.tip, note.origin, note) for note in _notes(text))
    if not found:
        what = "it is not `seq:hash` and holds no checkpoint's note"
        remedy = "give what `sidecar audit verify` printed as head, or a file of `audit anchor`"
        raise ConfigError([Problem("anchor", what, f"{remedy} lines of the operational log")])
    return tuple(found)


def unsigned(anchors: Iterable[Anchor], keys: Keyring) -> list[Anchor]:
    """List the notes among anchors that none of the keys has signed."""
    return [one for one in anchors if one.note and not keys.signer(one.note)]


def is_empty(anchor: Anchor) -> bool:
    """Tell whether an anchor saw a log without a record, which every log begins as."""
    return anchor.tip == Tip(0, GENESIS)


def _notes(text: str) -> Iterator[Note]:
    """Find notes that stand in a text as they are, and in the strings of its JSON lines."""
    for match in _NOTE.finditer(text):
        yield from filter(None, [parse(match[0])])
    for line in text.split("\n"):
        if ORIGIN in line and "{" in line:
            for inner in texts(line):
                if ORIGIN in inner:
                    yield from filter(None, [parse(inner), parse(f"{inner}\n")])
