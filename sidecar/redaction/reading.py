"""A text read otherwise than it is written, and where each character of it stands in the original.

A reading is made of steps, each a pattern and what it is replaced by. Most readings find nothing,
so the text is made first and the map of places only for what was found.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sidecar.redaction.plain import plain, readable
from sidecar.redaction.recogniser import Span


class Step(NamedTuple):
    """What to look for, in linear time, and what it reads as. Without state.

    `gate` is a pattern of RE2's without whose hit nothing would be found: it is much quicker.
    """

    looked_for: re.Pattern[str]
    written: Callable[[re.Match[str]], str]
    gate: Any = None

    def is_of(self, text: str) -> bool:
        """Whether the step may change the text."""
        return self.gate is None or self.gate.search(text.encode()) is not None


class Places(NamedTuple):
    """For each character of a reading where it begins and ends in the original."""

    starts: Sequence[int]
    ends: Sequence[int]


class Reading(NamedTuple):
    """A text without its escapes and disguises, and the steps that made it of the original."""

    original: str
    text: str
    before: tuple[Step, ...]
    after: tuple[Step, ...] = ()

    def spans(self, found: Sequence[Span]) -> list[Span]:
        """Spans of this reading as spans of the original.

        A span whose digits are written otherwise than they read is whole: nobody may show its last
        four digits, which would be others.
        """
        exact = any(not span.is_whole for span in found)
        places = self._places() if exact else Places((), ())
        out: list[Span] = []
        for span in found:
            if span.is_whole:
                out.append(span._replace(end=len(self.original)))
                continue
            start, end = places.starts[span.start], places.ends[span.end - 1]
            is_same = _digits(self.original[start:end]) == _digits(self.text[span.start : span.end])
            out.append(Span(span.entity, start, end, is_whole=not is_same))
        return out

    def _places(self) -> Places:
        text = self.original
        places = Places(range(len(text)), range(1, len(text) + 1))
        for step in self.before:
            text, places = _rewritten(text, places, step)
        folded, indices = plain(text)
        starts = array("L", (places.starts[i] for i in indices[:-1]))
        places = Places(starts, array("L", (places.ends[i] for i in indices[:-1])))
        text = folded
        for step in self.after:
            text, places = _rewritten(text, places, step)
        return places


def undone(text: str, steps: tuple[Step, ...]) -> Reading:
    """The text with steps applied and then every character folded as `plain` does."""
    changed = _applied(text, steps)
    return Reading(text, readable(changed), steps if changed != text else ())


def further(reading: Reading, steps: tuple[Step, ...]) -> Reading:
    """The same reading with further steps applied after all that were."""
    text = _applied(reading.text, steps)
    return reading._replace(text=text, after=(*reading.after, *steps))


def _applied(text: str, steps: tuple[Step, ...]) -> str:
    for step in steps:
        text = step.looked_for.sub(step.written, text) if step.is_of(text) else text
    return text


def _rewritten(text: str, places: Places, step: Step) -> tuple[str, Places]:
    """One step, with the places: what replaces a match stands where the whole match stands."""
    if not step.is_of(text):
        return text, places
    starts, ends = array("L"), array("L")
    pieces: list[str] = []
    position = 0
    for m in step.looked_for.finditer(text):
        start, end = m.span()
        starts.extend(places.starts[position:start])
        ends.extend(places.ends[position:start])
        new = step.written(m)
        pieces += (text[position:start], new)
        if end > start:
            starts.extend([places.starts[start]] * len(new))
            ends.extend([places.ends[end - 1]] * len(new))
        position = end
    starts.extend(places.starts[position:])
    ends.extend(places.ends[position:])
    return "".join((*pieces, text[position:])), Places(starts, ends)


def _digits(text: str) -> str:
    return "".join(str(int(c)) for c in text if c.isdecimal())
