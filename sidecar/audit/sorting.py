"""Takes the lines of logs out of a stream, and puts each log's into their order.

Theory of operation. A collector may wrap a line into any JSON, mix instances, deliver twice and
late, but the line itself came through as one string, byte for byte. Each one is looked for in the
strings of its wrapping, and copied to a temporary file without a name; its place in the chain and
where it was found are kept in memory (some 400 bytes a line). A line belongs to the chain in which
the line stands that it names as the one before; only where that is missing, the instance's name and
the numbers tell.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, NamedTuple

from sidecar.audit.chain import GENESIS, is_sealed, parse
from sidecar.audit.envelopes import texts

MAX_WRAPPED_BYTES = 1 << 26
"""A longer line of a stream is not looked into."""

_BEGIN = '{"v":'  # of each line as it is written
_LOOKED_AT = 1000  # lines of something else that may come before the first of ours
_HASH, _PREV = slice(-67, -3), slice(-141, -77)  # where a line states them
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


def is_stream(lines: Iterable[bytes]) -> bool:
    """Tell whether a file with these lines is a stream, and not a log as it was written.

    One that holds lines of a log inside something else is, and one in which a log begins after the
    end of another: its first line, or another instance's that does not follow. Anything unknown is
    taken as a log.
    """
    whole = _whole(lines)
    for raw in islice(whole, _LOOKED_AT):
        if parse(raw) is not None:
            return _is_mixed(raw, whole)
        if any(parse(line) for line in _inner(raw)):
            return True
    return False


def _is_mixed(before: bytes, lines: Iterable[bytes]) -> bool:
    for raw in lines:
        if raw[_PREV] != before[_HASH]:
            record, last = parse(raw), parse(before)
            if record is None or not is_sealed(raw):
                continue
            if record["prev"] == GENESIS and record["seq"] == 1:
                return True
            if last and last.get("instance") != record.get("instance"):
                return True
        before = raw
    return False


@dataclass(slots=True)
class Sorting:
    """Gathers the lines of ours from those of a stream into the file `kept`.

    Attributes:
        found: Them, each once, by their hashes.
        problems: Lines that were changed, in sentences.
        repeated: Lines that came more than once.
        others: Lines of the stream that hold none of ours.
    """

    kept: BinaryIO | tempfile.SpooledTemporaryFile[bytes]
    found: dict[bytes, Found] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    repeated: int = 0
    others: int = 0
    offset: int = 0

    def read(self, lines: Iterable[bytes]) -> None:
        """Take in a whole stream."""
        for number, raw in enumerate(_whole(lines), 1):
            self._step(raw, number)

    def chains(self) -> list[Chain]:
        """Give the logs, sorted by who began them."""
        return sorted(_chains(self.found), key=lambda c: (c.lines[0].instance, c.lines[0].seq))

    def bytes_of(self, one: Found) -> bytes:
        """Give a line as it was written."""
        self.kept.seek(one.offset)
        return self.kept.read(one.length)

    def _step(self, raw: bytes, number: int) -> None:
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
