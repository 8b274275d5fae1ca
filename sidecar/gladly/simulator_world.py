"""The simulated organisation: records that endpoints change, and what has been asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sidecar.gladly import simulator_seed
from sidecar.gladly.simulator_ids import ids
from sidecar.model import JsonObject


@dataclass
class World:
    """Everything that the simulator knows. Mutable on purpose: it is the thing simulated.

    `requests` lists the verb and the raw, still encoded path of every request, refused ones
    too. `merged` maps the id of a merged profile to the id it lives on under.
    `is_compliance_admin` is the role that Gladly wants for deleting a customer.
    """

    seed: str = "sample-store"
    is_compliance_admin: bool = True
    tables: simulator_seed.Tables = field(init=False)
    organization: JsonObject = field(init=False)
    merged: dict[str, str] = field(init=False)
    members: dict[str, set[str]] = field(init=False)
    requests: list[tuple[str, str]] = field(init=False)
    _made: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.reset()

    @classmethod
    def seeded(cls, seed: str = "sample-store") -> World:
        """A world with the seed's records; the same seed gives the same ids."""
        return cls(seed=seed)

    def reset(self) -> None:
        """Put every record back to the seed's, and forget the requests."""
        self.tables = simulator_seed.tables(self.seed)
        self.organization = simulator_seed.organization(self.seed)
        self.merged = {self.id_of("customer/before-merge"): self.id_of("customer/merged")}
        self.members = simulator_seed.members(self.seed)
        self.requests = []
        self._made = 0

    def id_of(self, label: str) -> str:
        """The id behind a label such as `customer/delivery`, `task/qa` or `inbox/escalations`."""
        return ids(self.seed)(label)

    def new_id(self) -> str:
        """An id that no record has yet; the n-th is the same in every run."""
        self._made += 1
        return self.id_of(f"made/{self._made}")

    def get(self, table: str, id_: str) -> JsonObject | None:
        """One record, or None."""
        return self.tables[table].get(id_)

    def put(self, table: str, record: JsonObject) -> None:
        """Add or replace a record, by its id."""
        self.tables[table][record["id"]] = record

    def where(self, table: str, **fields: object) -> list[JsonObject]:
        """The records whose members equal all of `fields`, in the order they were added."""
        rows = self.tables[table].values()
        return [row for row in rows if all(row.get(k) == v for k, v in fields.items())]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the simulator, read: path ids, query, JSON body, when, and its own URL."""

    world: World
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: JsonObject
    now: datetime
    url: str

    @property
    def timestamp(self) -> str:
        """Now, in RFC 3339 with milliseconds, as Gladly writes times."""
        return self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
