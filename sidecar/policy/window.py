"""The last decisions, kept in memory so that a new policy can be tried on them before it decides.

What callers sent is kept as it was, personal data included: it never leaves this memory, is written
nowhere, and is gone at a restart. Bounded in number and in bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import orjson

from sidecar.model import Decision
from sidecar.policy.facts import Facts

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of all that is kept; of more, the oldest are lost."""

_LISTS: Final = 10
"""One in so many of what is kept may be lists: each is a hundred tools."""

_EACH: Final = 2048
"""Bytes of one besides what is counted: the caller with its claims, its past, our own objects."""

_ITEM: Final = 256
"""Bytes of a tool of a list, and of a finding."""


class Past(NamedTuple):
    """A decision that was made: on what, by which policy, and the tools that it allowed."""

    facts: Facts
    policy_sha256: str
    allowed: frozenset[str]


class _Kept(NamedTuple):
    number: int
    past: Past
    arguments: bytes | None
    size: int


class _Ring:
    """The last of a kind."""

    def __init__(self, count: int, size: int) -> None:
        self.kept: deque[_Kept] = deque()
        self._count = count
        self._room = size

    def add(self, kept: _Kept) -> None:
        self.kept.append(kept)
        self._room -= kept.size
        while self._room < 0 or len(self.kept) > self._count:
            self._room += self.kept.popleft().size


class Window:
    """The last `count` decisions, about tools called and lists of tools."""

    def __init__(self, count: int, size: int = MAX_BYTES) -> None:
        lists = count // _LISTS
        self._lists = _Ring(lists, size // 4)
        self._calls = _Ring(count - lists, size - size // 4)
        self._number = 0

    def keep(self, facts: Facts, decision: Decision) -> None:
        """Keep a decision that was made. Takes some four microseconds for a call."""
        # A copy: what orjson gives keeps the larger room that it was written in.
        raw = None
        if facts.arguments is not None:
            raw = bytes(memoryview(orjson.dumps(facts.arguments)))
        size = _EACH + len(raw or b"") + _ITEM * (len(facts.tools) + len(facts.findings))
        # Without the document that was made of it, and with the arguments as bytes: whatever
        # callers send, that is its size.
        bare = replace(facts, arguments=None)
        self._number += 1
        past = Past(bare, decision.policy_sha256, allowed(decision))
        kept = _Kept(self._number, past, raw, size)
        (self._lists if raw is None else self._calls).add(kept)

    def __len__(self) -> int:
        return len(self._lists.kept) + len(self._calls.kept)

    def newest(self) -> Iterator[Past]:
        """What is kept at this moment, the newest first, each made again when it is asked for."""
        both = [*self._calls.kept, *self._lists.kept]
        for _, past, raw, _ in sorted(both, key=lambda kept: kept.number, reverse=True):
            arguments = None if raw is None else orjson.loads(raw)
            yield past._replace(facts=replace(past.facts, arguments=arguments))


def allowed(decision: Decision) -> frozenset[str]:
    """The names of the tools that a decision allows."""
    return frozenset(name for name, said in decision.verdicts.items() if said.is_allowed)
