"""One request to the simulator, read; and the times in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the simulator, read: path ids, query, JSON body, when, and its own URL."""

    world: World
    ids: Mapping[str, str]
    query: QueryParams
    body: JsonObject
    now: datetime
    url: str

    @property
    def timestamp(self) -> str:
        """Now, as Gladly writes times."""
        return written(self.now)

    @property
    def author(self) -> JsonObject:
        """The API user, as Gladly names whoever began something."""
        return {"id": self.world.id_of("api-user"), "type": "API"}


def written(moment: datetime) -> str:
    """RFC 3339 with milliseconds and Z, as Gladly writes times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(value: object) -> datetime | None:
    """A time in RFC 3339, read as UTC where it names no zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
