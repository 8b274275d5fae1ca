"""Verifies what was shipped: lines of many instances, mixed, wrapped, repeated and out of order.

Theory of operation. A collector may wrap a line into any JSON, mix instances, deliver twice and
late, but the line itself came through as one string, byte for byte. Each one is looked for in the
strings of its wrapping, and copied to a temporary file without a name; its place in the chain and
where it was found are kept in memory (some 400 bytes a line). A line belongs to the chain in which
the line stands that it names as the one before; only where that is missing, the instance's name and
the numbers tell. Each chain is then walked as if it were a file of its own.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain as joined
from typing import BinaryIO, NamedTuple

from sidecar.audit import anchors as noted
from sidecar.audit.anchors import Anchor
from sidecar.audit.chain import GENESIS, is_sealed, parse
from sidecar.audit.envelopes import texts
from sidecar.audit.notes import Keyring, origin
from sidecar.audit.verification import Verification, found
from sidecar.audit.walk import MAX_PROBLEMS, Walk
from sidecar.audit.witnesses import Witnesses

MAX_WRAPPED_BYTES = 1 << 26
"""A longer line of a stream is not looked into."""

_BEGIN = '{"v":'  # of each line as it is written
_IN_MEMORY = 1 << 26
# What container runtimes put before each line; they break long ones, marked P until the last, F.
_CRI = re.compile(rb"\S+ (stdout|stderr) ([FP])(?::\S*)? ")


class Found(NamedTuple):
    """A sealed line: its place in a chain, where its bytes are kept, and on which line it was."""

    seq: int
    prev: bytes
    hash: bytes
    instance: str
    offset: int
    length: int
    number: int


@dataclass(slots=True)
class Chain:
    """The lines of one log, in its order."""

    lines: list[Found]
    fork: int = 0  # the record from which on it tells otherwise than another chain

    @property
    def tip(self) -> Found:
        """The last line so far."""
        return self.lines[-1]


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a stream of many instances proves.

    Attributes:
        is_valid: Every chain is, nobody who was expected is missing, nothing does not fit.
        chains: One for each log in the stream, by the name of the instance that began it.
        missing: Instances that were expected and have no line.
        problems: What is wrong with the stream as a whole, in sentences.
        repeated: Lines that came more than once; harmless.
        others: Lines of the stream that hold none of ours.
    """

    is_valid: bool
    chains: tuple[tuple[str, Verification], ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]
    repeated: int
    others: int


def verify_stream(
    lines: Iterable[bytes],
    *,
    expected: Sequence[str] = (),
    anchors: str | None = None,
    keys: Keyring | None = None,
) -> Fleet:
    """Verify every log of a stream.

    `expected` names instances, with or without the port; one that has no line is missing. So is
    one that an anchor names. Raises ConfigError for malformed anchors.
    """
    given = noted.read(anchors) if anchors is not None else ()
    ring = keys or Keyring()
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
        sorting = _Sorting(kept)
        for number, raw in enumerate(_whole(lines), 1):
            sorting.step(raw, number)
        chains = sorted(_chains(sorting.found), key=lambda c: (c.lines[0].instance, c.lines[0].seq))
        shares = _shared(given, chains)
        walked = [
            (one.lines[0].instance, _walked(one, ring, shares[index], kept))
            for index, one in enumerate(chains)
        ]
    missing = _missing(expected, chains)
    problems = [*sorting.problems, *_forks(chains), *_unheld(given, chains)]
    problems += [f"Instance {name} has no line in this stream." for name in missing]
    if not chains:
        problems.append("This stream holds no line of an audit log.")
    return Fleet(
        is_valid=not problems and all(one.is_valid for _, one in walked),
        chains=tuple(walked),
        missing=missing,
        problems=tuple(problems[:MAX_PROBLEMS]),
        repeated=sorting.repeated,
        others=sorting.others,
    )


def is_stream(first: bytes) -> bool:
    """Tell whether a file that begins with this line is a stream, and not a log as it was written.

    Only what holds lines of a log inside something else is; anything unknown is taken as a log.
    """
    return parse(first) is None and any(parse(line) for line in _inner(first))


@dataclass(slots=True)
class _Sorting:
    """Gathers the lines of ours from those of a stream."""

    kept: BinaryIO | tempfile.SpooledTemporaryFile[bytes]
    found: dict[bytes, Found] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    repeated: int = 0
    others: int = 0
    offset: int = 0

    def step(self, raw: bytes, number: int) -> None:
        count = 0
        for line in [raw] if raw.startswith(_BEGIN.encode()) else _inner(raw):
            count += self._take(line, number)
        # A line that was read and written anew instead of kept as a string proves nothing.
        self.others += not (count or self._take(raw, number))

    def _take(self, line: bytes, number: int) -> bool:
        record = parse(line)
        if record is None:
            return False
        if not is_sealed(line):
            who = f"record {record['seq']} of {record.get('instance')}"
            self.problems.append(f"Line {number}: it holds {who}, changed after it was written.")
            return True
        digest = bytes.fromhex(line[-67:-3].decode())
        if digest in self.found:
            self.repeated += 1
            return True
        try:
            prev = bytes.fromhex(record["prev"])
        except ValueError:
            prev = b""
        instance = str(record.get("instance"))
        place = (self.offset, len(line), number)
        self.found[digest] = Found(record["seq"], prev, digest, instance, *place)
        self.kept.write(line)
        self.offset += len(line)
        return True


def _inner(raw: bytes) -> Iterator[bytes]:
    """Yield the strings within a line that may be lines of ours, as they were before wrapping."""
    for text in texts(raw, _BEGIN):
        if text.startswith(_BEGIN):
            yield text.rstrip("\n").encode("utf-8", "replace") + b"\n"


def _whole(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Put lines together again that a container runtime has broken, without what it put before."""
    parts: dict[bytes, bytes] = {}
    for raw in lines:
        match = _CRI.match(raw)
        if match is None:
            yield raw
            continue
        text = parts.pop(match[1], b"") + raw[match.end() :].rstrip(b"\n")
        if match[2] == b"P" and len(text) < MAX_WRAPPED_BYTES:
            parts[match[1]] = text
        else:
            yield text + b"\n"
    yield from parts.values()


def _chains(found: dict[bytes, Found]) -> list[Chain]:
    """Tell the lines of different logs apart, and put each log's into their order."""
    home: dict[bytes, Chain] = {}
    chains: list[Chain] = []
    for one in sorted(found.values(), key=lambda one: one.seq):
        before = home.get(one.prev)
        if before is not None and before.tip.hash == one.prev:
            before.lines.append(one)
            home[one.hash] = before
            continue
        begun = Chain([], fork=one.seq) if before else _joined(one, chains)
        if not begun.lines:
            chains.append(begun)
        begun.lines.append(one)
        home[one.hash] = begun
    return chains


def _joined(one: Found, chains: list[Chain]) -> Chain:
    """Find the chain of a line whose predecessor is missing: its instance's that got farthest."""
    if one.prev.hex() != GENESIS:
        mine = [c for c in chains if c.tip.instance == one.instance and c.tip.seq < one.seq]
        if mine:
            return max(mine, key=lambda c: c.tip.seq)
    return Chain([])


def _walked(
    one: Chain,
    keys: Keyring,
    anchors: tuple[Anchor, ...],
    kept: BinaryIO | tempfile.SpooledTemporaryFile[bytes],
) -> Verification:
    walk = Walk(Witnesses(keys, anchors), file="stream")
    for line in one.lines:
        kept.seek(line.offset)
        walk.step(kept.read(line.length), line.number)
    return found(walk, is_key_given=True)


def _shared(anchors: Iterable[Anchor], chains: Sequence[Chain]) -> list[tuple[Anchor, ...]]:
    """Give each anchor to the chain that holds it, or else to the longest of its instance.

    An instance that began anew, as a pod does with an empty disk, has more than one log.
    """
    shares: list[list[Anchor]] = [[] for _ in chains]
    owners = {line.hash: index for index, one in enumerate(chains) for line in one.lines}
    named: dict[str, list[int]] = {}
    for index, one in enumerate(chains):
        for instance in dict.fromkeys(line.instance for line in one.lines):
            named.setdefault(origin(instance), []).append(index)
    for anchor in anchors:
        owner = owners.get(bytes.fromhex(anchor.tip.hash))
        mine = named.get(anchor.origin, range(len(chains)) if not anchor.origin else [])
        if owner is not None and owner in mine:
            shares[owner].append(anchor)
        elif mine:
            shares[max(mine, key=lambda index: len(chains[index].lines))].append(anchor)
    return [tuple(share) for share in shares]


def _unheld(anchors: Iterable[Anchor], chains: Sequence[Chain]) -> Iterator[str]:
    """Name the logs that somebody anchored and of which there is no line."""
    seen = {origin(line.instance) for one in chains for line in one.lines}
    for name, count in Counter(a.origin for a in anchors if a.origin).items():
        if name not in seen:
            yield f"{name} was anchored {count} times and has no line in this stream."


def _forks(chains: Iterable[Chain]) -> Iterator[str]:
    for one in chains:
        if one.fork:
            who = one.lines[0].instance
            yield f"Instance {who} tells two histories: from record {one.fork} on they differ."


def _missing(expected: Iterable[str], chains: Iterable[Chain]) -> tuple[str, ...]:
    seen = {line.instance for line in joined.from_iterable(one.lines for one in chains)}
    seen |= {name.rpartition(":")[0] for name in seen}
    return tuple(name for name in dict.fromkeys(expected) if name not in seen)
