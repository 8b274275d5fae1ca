"""Patterns of the operator's own, compiled once: a bad one is told before anything starts."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

import re2
from pydantic import AfterValidator, Field, StringConstraints

from sidecar import model
from sidecar.settings.kinds import Fault, Name, Section, refusal

_ENTITIES = tuple(sorted(model.ENTITIES - {"IMAGE", "MEDIA"}))
_PROBES = ("", "a", "0 a", " ", "-")
_LONGEST = 1000  # characters of a pattern


def _entity(name: str) -> str:
    if name not in _ENTITIES:
        near = get_close_matches(name, _ENTITIES, n=1)
        remedy = f"did you mean {near[0]}?" if near else "one of " + ", ".join(_ENTITIES)
        raise refusal(Fault("", "is no entity that a text can hold", remedy))
    return name


def _expression(text: str) -> str:
    options = re2.Options()
    options.log_errors = False  # it would go to stderr, past our own log
    try:
        compiled = re2.compile(text, options)
    except re2.error:
        remedy = "RE2's syntax: no look-around, no back-references"
        raise refusal(Fault("", "is no pattern of RE2", remedy)) from None
    if any(m.start() == m.end() for probe in _PROBES for m in compiled.finditer(probe)):
        raise refusal(Fault("", "matches where nothing is", "match one character at least"))
    return text


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
