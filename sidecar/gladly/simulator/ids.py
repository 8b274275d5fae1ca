"""Ids as Gladly makes them, but the same in every run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable

from sidecar.model import JsonObject

Ids = Callable[[str], str]
"""From a label such as `customer/delivery` to its id."""

Table = dict[str, JsonObject]
"""Records by their id, in the order they were added."""


def ids(seed: str) -> Ids:
    """Ids in Gladly's form (16 bytes in url-safe base64, 22 characters), one per label."""

    def id_of(label: str) -> str:
        digest = hashlib.sha256(f"{seed}/{label}".encode()).digest()[:16]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    return id_of


def fraction(seed: str, label: str) -> float:
    """A number from 0 to 1, below 1, the same for the same seed and label."""
    digest = hashlib.sha256(f"{seed}/{label}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32


def by_id(rows: Iterable[JsonObject]) -> Table:
    """The rows as a table."""
    return {row["id"]: row for row in rows}
