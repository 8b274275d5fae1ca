"""Names and other short texts that strangers chose, as they may be written down."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sidecar import redaction

_LONGEST: Final = 200
"""Characters kept of a text that a token holds, or that a client says of itself."""

_SMALL: Final = 1_000_000
"""Numbers below it count requests; longer ones may be somebody's."""

_NAME: Final = re.compile(r"[A-Za-z0-9_./:$-]{1,128}")
"""What names and ids look like; MCP asks the same of tools' names."""


def shown_name(text: str) -> str:
    """Keep what has the form of a name, scrubbed; of anything else, tell only how long it was."""
    return _scrubbed(text) if _NAME.fullmatch(text) else f"[withheld: {len(text)} characters]"


def shown_id(value: str | int) -> str:
    """The id of a request in the same way."""
    return str(value) if type(value) is int and 0 <= value < _SMALL else shown_name(str(value))


def shown_text(text: str) -> str:
    """Prose that somebody vouches for, or that is told as claimed: its begin, scrubbed."""
    return _scrubbed(text[:_LONGEST]) if text else ""


def shown_code(code: str) -> str:
    """A rule's code, or what it masks and how: a rule may have made it of what it read."""
    return _scrubbed(code)


@lru_cache(maxsize=4096)
def _scrubbed(text: str) -> str:
    """The same few come again and again; the cache is memory of this process alone."""
    return redaction.scrub(text)
