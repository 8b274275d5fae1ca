"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found; the remedy of a problem or a warning says what to do."""

    level: Literal["ok", "warning", "problem"]
    what: str
    remedy: str = ""
