"""A provisioned endpoint as it is stored, and the table that stores it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import sqlalchemy as sql

from sidecar.model import Endpoint, JsonObject
from sidecar.settings import DEFAULT_ACCOUNT

METADATA: Final = sql.MetaData()
ENDPOINTS: Final = sql.Table(
    "endpoints",
    METADATA,
    # The order of lists, and their cursor: never given out twice, even after a deletion.
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("id", sql.Text, nullable=False, unique=True),
    sql.Column("account", sql.Text, nullable=False),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("token_hash", sql.Text, nullable=False, unique=True),
    sql.Column("methods", sql.Text, nullable=False),
    sql.Column("tags", sql.Text, nullable=False),
    sql.Column("require_api_token_auth", sql.Boolean, nullable=False),
    sql.Column("expires_at", sql.Text),
    sql.Column("created_by", sql.Text, nullable=False),
    sql.Column("created_at", sql.Text, nullable=False),
    sql.Column("updated_at", sql.Text, nullable=False),
    sql.Index("endpoints_of_account", "account", "number"),
    sql.Index("endpoints_by_expiry", "expires_at"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An endpoint with what the API tells of it. Times are text, as `moment` writes it.

    `created_by` is the subject of the token that made it. `number` orders lists; 0: not stored yet.
    """

    endpoint: Endpoint
    created_by: str
    created_at: str
    updated_at: str
    number: int = 0

    @property
    def account(self) -> str:
        """The id of its integrated account."""
        return self.endpoint.account or DEFAULT_ACCOUNT

    def has_ended(self, now: datetime) -> bool:
        """Whether it has expired, which is the same as not being there."""
        ends = self.endpoint.expires_at
        return ends is not None and now >= ends


def moment(when: datetime) -> str:
    """Write a time as the API does: UTC, milliseconds, so that texts sort as the times do."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row_of(one: Stored) -> JsonObject:
    """The columns of an endpoint but for its number."""
    endpoint = one.endpoint
    return {
        "id": endpoint.id,
        "account": one.account,
        "name": endpoint.name,
        "token_hash": endpoint.token_hash,
        "methods": orjson.dumps(endpoint.methods).decode(),
        "tags": orjson.dumps(endpoint.tags).decode(),
        "require_api_token_auth": endpoint.require_api_token_auth,
        "expires_at": moment(endpoint.expires_at) if endpoint.expires_at else None,
        "created_by": one.created_by,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }


def stored(row: Mapping[Any, Any]) -> Stored:
    """An endpoint out of its row.

    Raises:
        ValueError: The row holds what we never wrote: in doubt nothing of it counts.
    """
    ends, account = row["expires_at"], row["account"]
    endpoint = Endpoint(
        name=row["name"],
        token_hash=row["token_hash"],
        methods=_texts(row["methods"]),
        tags=_texts(row["tags"]),
        require_api_token_auth=row["require_api_token_auth"],
        expires_at=None if ends is None else _time(ends),
        id=row["id"],
        account="" if account == DEFAULT_ACCOUNT else account,
    )
    return Stored(
        endpoint,
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        number=row["number"],
    )


def _texts(column: str) -> tuple[str, ...]:
    found = orjson.loads(column)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError("no list of texts")
    return tuple(found)


def _time(column: str) -> datetime:
    found = datetime.fromisoformat(column)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found
