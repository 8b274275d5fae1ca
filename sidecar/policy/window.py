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

from sidecar.policy.facts import Facts

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of all that is kept; of more, the oldest are lost."""

_LISTS: Final = 10
"""One in so many of what is kept may be lists: each is a hundred tools."""

_EACH: Final = 2048
"""Bytes of one besides what is counted: the caller with its claims, its past, our own objects."""

_ITEM: Final = 256
"""Bytes of a tool of a list, and of a finding."""


class _Kept(NamedTuple):
    facts: Facts
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
    """The facts of the last `count` decisions, about tools called and lists of tools."""

    def __init__(self, count: int, size: int = MAX_BYTES) -> None:
        lists = count // _LISTS
        self._lists = _Ring(lists, size // 4)
        self._calls = _Ring(count - lists, size - size // 4)

    def keep(self, facts: Facts) -> None:
        """Keep the facts of a decision that was made. Takes some three microseconds."""
        # A copy: what orjson gives keeps the larger room that it was written in.
        raw = None
        if facts.arguments is not None:
            raw = bytes(memoryview(orjson.dumps(facts.arguments)))
        size = _EACH + len(raw or b"") + _ITEM * (len(facts.tools) + len(facts.findings))
        # Without the document that was made of it, and with the arguments as bytes: whatever
        # callers send, that is its size.
        kept = _Kept(replace(facts, arguments=None), raw, size)
        (self._lists if raw is None else self._calls).add(kept)

    def __len__(self) -> int:
        return len(self._lists.kept) + len(self._calls.kept)

    def facts(self) -> Iterator[Facts]:
        """What is kept at this moment, each made again when it is asked for."""
        for facts, raw, _ in (*self._calls.kept, *self._lists.kept):
            yield replace(facts, arguments=None if raw is None else orjson.loads(raw))
