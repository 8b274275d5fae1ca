"""Verifies what was shipped: lines of many instances, mixed, wrapped, repeated and out of order.

The lines are sorted into chains, and each is walked as if it were a file of its own.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sidecar.audit import anchors as noted
from sidecar.audit.anchors import Anchor
from sidecar.audit.notes import Keyring, origin
from sidecar.audit.sorting import Chain, Sorting
from sidecar.audit.verification import Verification, found
from sidecar.audit.walk import MAX_PROBLEMS, Walk
from sidecar.audit.witnesses import Witnesses

_IN_MEMORY = 1 << 26


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a stream of many instances proves.

    Attributes:
        is_valid: Every chain is, nobody who was expected is missing, nothing does not fit.
        chains: One for each log in the stream, by the name of the instance that began it.
        missing: Instances that were expected and are not there: nobody signed a log as theirs or,
            where there are no keys, no log begins with them.
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

    `expected` names instances, with or without the port. With `keys` one is there only if an
    accepted key signed a checkpoint of its own, without only if a log begins with it: anybody can
    write a line in its name at the end of another log. One that an anchor names and that has no
    line is a problem. Raises ConfigError for malformed anchors.
    """
    given = noted.read(anchors) if anchors is not None else ()
    ring = keys or Keyring()
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
        sorting = Sorting(kept)
        sorting.read(lines)
        chains = sorting.chains()
        shares = _shared(given, chains)
        walked = [
            (one.lines[0].instance, _walked(one, ring, shares[index], sorting))
            for index, one in enumerate(chains)
        ]
    there = {n for owner, one in walked for n in (one.vouched if ring else (owner,))}
    missing = _missing(expected, there)
    problems = [*sorting.problems, *forks(chains), *_unheld(given, chains)]
    lineless = _missing(missing, {name for _, one in walked for name in one.instances})
    lacks = "checkpoint that an accepted key signed" if ring else "log that begins with it"
    for name in missing:
        what = "line" if name in lineless else lacks
        problems.append(f"Instance {name} has no {what} in this stream.")
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


def _walked(
    one: Chain,
    keys: Keyring,
    anchors: tuple[Anchor, ...],
    sorting: Sorting,
) -> Verification:
    walk = Walk(Witnesses(keys, anchors), file="stream")
    for line in one.lines:
        walk.step(sorting.bytes_of(line), line.number)
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


def forks(chains: Iterable[Chain]) -> Iterator[str]:
    """Name the logs that tell otherwise than another, in sentences."""
    for one in chains:
        if one.fork:
            who = one.lines[0].instance
            yield f"Instance {who} tells two histories: from record {one.fork} on they differ."


def _missing(expected: Iterable[str], there: set[str]) -> tuple[str, ...]:
    known = there | {name.rpartition(":")[0] for name in there}
    return tuple(name for name in dict.fromkeys(expected) if name not in known)
