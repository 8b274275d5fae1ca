"""The simulated organisation: records that endpoints change, and what has been asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sidecar.gladly.simulator import seed as seeds
from sidecar.gladly.simulator.ids import ids
from sidecar.model import JsonObject


@dataclass
class World:
    """Everything that the simulator knows. Mutable on purpose: it is the thing simulated.

    Records themselves are never changed in place: a change puts a new one into its table.

    Attributes:
        seed: What ids, texts and everything else that looks random come from.
        is_compliance_admin: Whether the API user has the role that deleting a customer needs.
        needs_topics: Whether a conversation needs a topic before it is closed.
        requests: Verb and raw, still encoded path of every request, refused ones too.
        merged: From the id of a merged profile to the id it lives on under.
        members: From an inbox to the agents who work in it.
        uses: From an answer to what uses it and so forbids its deletion.
    """

    seed: str = "sample-store"
    is_compliance_admin: bool = True
    needs_topics: bool = False
    tables: seeds.Tables = field(init=False)
    organization: JsonObject = field(init=False)
    merged: dict[str, str] = field(init=False)
    members: dict[str, set[str]] = field(init=False)
    uses: dict[str, str] = field(init=False)
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
        self.tables = seeds.tables(self.seed)
        self.organization = seeds.organization(self.seed)
        self.merged = {self.id_of("customer/before-merge"): self.id_of("customer/merged")}
        self.members = seeds.members(self.seed)
        self.uses = seeds.uses(self.seed)
        self.requests = []
        self._made = 0

    def id_of(self, label: str) -> str:
        """The id behind a label such as `customer/delivery`, `task/qa` or `inbox/escalations`."""
        return ids(self.seed)(label)

    def new_id(self) -> str:
        """An id that no record has yet; the n-th is the same in every run."""
        self._made += 1
        return self.id_of(f"made/{self._made}")

    def get(self, table: str, id_: object) -> JsonObject | None:
        """One record, or None; also for what is no id at all."""
        return self.tables[table].get(id_) if isinstance(id_, str) else None

    def put(self, table: str, record: JsonObject) -> None:
        """Add or replace a record, by its id."""
        self.tables[table][record["id"]] = record

    def drop(self, table: str, id_: str) -> None:
        """Take a record away, if it is there."""
        self.tables[table].pop(id_, None)

    def where(self, table: str, **fields: object) -> list[JsonObject]:
        """The records whose members equal all of `fields`, in the order they were added."""
        rows = self.tables[table].values()
        return [row for row in rows if all(row.get(k) == v for k, v in fields.items())]
