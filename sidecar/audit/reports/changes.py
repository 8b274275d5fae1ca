"""What changed while a log was written: starts, policies, catalogs, settings, endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sidecar.audit.calls import names_of, text, word
from sidecar.audit.reader import section
from sidecar.audit.table import Table
from sidecar.model import JsonObject

_DIGEST: Final = "_sha256"
_MOST: Final = 20
"""Names of one member that are listed; of more the number is told."""


def changes(records: Iterable[JsonObject]) -> Table:
    """Lifecycle and admin events in order, each digest beside the one that it replaced."""
    known: dict[str, str] = {}
    rows = []
    for record in records:
        data, actor = section(record, "data"), section(record, "actor")
        by = names_of(actor).who if actor else ""
        detail = "; ".join(_details(data, known))
        rows.append((word(record, "ts"), word(data, "what"), by, detail, word(record, "id")))
    return Table(
        "What changed",
        ("time", "what", "by", "detail", "event"),
        tuple(rows),
        about="Starts and stops, policies, catalogs, settings, tools and endpoints, in order. "
        "A digest that differs from the one before stands as `old → new`.",
    )


def _details(data: JsonObject, known: dict[str, str]) -> Iterator[str]:
    for name, value in data.items():
        # Which sections differ stands in `changed`; their digests say nothing to a reader.
        if name == "what" or (name.endswith(_DIGEST) and isinstance(value, list | dict)):
            continue
        shown = _shown(value)
        if name.endswith(_DIGEST) and name != "torn_sha256":
            before, known[name] = known.get(name, shown), shown
            shown = shown[:12] if before == shown else f"{before[:12]} → {shown[:12]}"
        if shown:
            yield f"{text(name)}: {shown}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        more = f" and {len(value) - _MOST} more" if len(value) > _MOST else ""
        return ", ".join(map(text, value[:_MOST])) + more
    return str(value) if isinstance(value, float) else text(value)
