"""How personal data is found and masked: keys of pseudonyms, patterns of your own, and the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from sidecar.settings.files import secret
from sidecar.settings.kinds import Fault, SecretFile, Section
from sidecar.settings.patterns import Pattern

SHORTEST_KEY = 32
"""Bytes of a key of pseudonyms."""


class PseudonymKey(Section):
    """A key of pseudonyms: the same for the whole fleet, or one person has two tokens."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,16}$")] = Field(
        description="Name of the key, which stands in its tokens: lower-case letters and digits."
    )
    file: SecretFile = Field(
        description="File with the key, at least 32 bytes. It never changes under its id."
    )

    def faults(self) -> Iterator[Fault]:
        """A key that nobody can guess."""
        if len(secret(self.file).encode()) < SHORTEST_KEY:
            remedy = "make one: sidecar token secret FILE"
            yield Fault("file", f"has fewer than {SHORTEST_KEY} bytes", remedy)


class Redaction(Section):
    """How what comes back is masked; what is masked is the policy's."""

    pseudonym_keys: tuple[PseudonymKey, ...] = Field(
        (),
        description="Keys of pseudonyms. The first makes new ones; `sidecar audit hash` knows all.",
    )
    patterns: tuple[Pattern, ...] = Field(
        (), max_length=100, description="Patterns of your own, matched against every text."
    )
    timeout_ms: int = Field(
        5000,
        ge=10,
        le=60_000,
        description="Milliseconds to mask one result, its wait in line included; later it is "
        "withheld.",
    )

    def faults(self) -> Iterator[Fault]:
        """Each key has an id of its own, and each pattern a name."""
        ids = [key.id for key in self.pseudonym_keys]
        if len(set(ids)) < len(ids):
            yield Fault(
                "pseudonym_keys", "use an id twice", "a key keeps its id, a new one its own"
            )
        names = [pattern.name for pattern in self.patterns]
        if len(set(names)) < len(names):
            yield Fault("patterns", "has two with the same name", "each needs its own")
