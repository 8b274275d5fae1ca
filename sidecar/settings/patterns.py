"""Patterns of the operator's own, compiled once: a bad one is told before anything starts."""

from __future__ import annotations

import random
import re
import string
import time
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Final

import re2
from pydantic import AfterValidator, Field, StringConstraints

from sidecar import model
from sidecar.settings.kinds import Fault, Name, Section, refusal

_ENTITIES = tuple(sorted(model.ENTITIES - {"IMAGE", "MEDIA"}))
_PROBES = ("", "a", "0 a", " ", "-")
_LONGEST = 1000  # characters of a pattern
_SIGNS: Final = string.ascii_letters + string.digits + " .,:;-_@/#+"
_RANGE: Final = re.compile("([A-Za-z0-9])-([A-Za-z0-9])")
_TEXT: Final = 64 * 1024
"""Characters of the text that a pattern is timed on, if a look at fewer says that it is slow."""
_LOOK: Final = 4 * 1024
_SLOWEST: Final = 0.02
"""Seconds of this thread for that text."""


def _entity(name: str) -> str:
    if name not in _ENTITIES:
        near = get_close_matches(name, _ENTITIES, n=1)
        remedy = f"did you mean {near[0]}?" if near else "one of " + ", ".join(_ENTITIES)
        raise refusal(Fault("", "is no entity that a text can hold", remedy))
    return name


def _expression(text: str) -> str:
    options = re2.Options()
    options.max_mem = 64 << 20  # bytes, as where it is searched for
    options.log_errors = False  # it would go to stderr, past our own log
    try:
        compiled = re2.compile(text, options)
    except re2.error:
        remedy = "RE2's syntax: no look-around, no back-references"
        raise refusal(Fault("", "is no pattern of RE2", remedy)) from None
    if any(m.start() == m.end() for probe in _PROBES for m in compiled.finditer(probe)):
        raise refusal(Fault("", "matches where nothing is", "match one character at least"))
    if any(_is_slow(compiled, signs) for signs in _alphabets(text)):
        remedy = "count fewer repetitions: {500} of nearly any character is what takes long"
        raise refusal(Fault("", "takes more than 20 ms to search 64 KB of text", remedy))
    return text


def _alphabets(text: str) -> Iterator[str]:
    """Signs of texts that may be slow to search: a repetition that never ends nor breaks off."""
    yield from (_SIGNS, string.ascii_lowercase + " ", string.digits + " -")
    for first, last in sorted(set(_RANGE.findall(text))):
        yield "".join(map(chr, range(ord(first), ord(last) + 1))) + " "
        yield "".join(sign for sign in _SIGNS if not first <= sign <= last)
    for sign in sorted(set(text) & set(string.ascii_letters + string.digits)):
        yield _SIGNS.replace(sign, "")


def _is_slow(compiled: Any, signs: str) -> bool:
    chance = random.Random(1)  # noqa: S311 - no secret, and the same at each start
    return all(
        _seconds(compiled, "".join(chance.choices(signs, k=size))) > _SLOWEST * size / _TEXT
        for size in (_LOOK, _TEXT)
    )


def _seconds(compiled: Any, text: str) -> float:
    begin = time.thread_time()
    for _ in compiled.finditer(text):
        pass
    return time.thread_time() - begin


Entity = Annotated[str, AfterValidator(_entity)]
Expression = Annotated[
    str, StringConstraints(min_length=1, max_length=_LONGEST), AfterValidator(_expression)
]


class Pattern(Section):
    """What this organisation alone takes for personal data."""

    name: Name = Field(description="What it finds, for whoever reads the settings.")
    pattern: Expression = Field(
        description="Regular expression in RE2's syntax; `^` and `$` are the ends of one text."
    )
    entity: Entity = Field(
        "CUSTOM", description="Entity as which it is found; the rules' masks go by it."
    )
