"""The store: one file of one sidecar, whole or refused, with ten thousand endpoints as with ten."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import statistics
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flow import KEY

from sidecar import identity
from sidecar.errors import ConfigError, OrganDown
from sidecar.model import Endpoint
from sidecar.provisioning import read
from sidecar.provisioning.records import ENDPOINTS, Stored, row_of
from sidecar.provisioning.store import Store

pytestmark = pytest.mark.anyio

AT = "2026-11-28T12:00:00.000Z"


def one(number: int = 1, **changes: Any) -> Stored:
    endpoint = Endpoint(
        name=f"n{number}",
        token_hash=identity.endpoint_hash(str(number), KEY),
        methods=("read", "create"),
        tags=("tasks",),
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        id=f"00000000-0000-4000-8000-{number:012}",
    )
    return Stored(replace(endpoint, **changes), "operator", AT, AT)


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        Store(path)
    (problem,) = caught.value.problems
    assert str(path) in problem.where
    assert problem.remedy
    assert "\n" not in str(problem)
    return problem.what


async def test_what_was_stored_is_read_again_as_it_was(tmp_path):
    path = tmp_path / "e.db"
    with contextlib.closing(Store(path)) as store:
        await store.add(one(1))
        await store.add(one(2, expires_at=None, account="other", require_api_token_auth=False))
        await store.change(one(1, name="new"))
        found = store.everything()
        assert [replace(each, number=0) for each in found] == [
            one(1, name="new"),
            one(2, expires_at=None, account="other", require_api_token_auth=False),
        ]
        assert await store.find("default", found[0].endpoint.id) == found[0]
        assert await store.find("other", found[0].endpoint.id) is None
        assert read(path) == found
    with contextlib.closing(Store(path)) as store:
        assert store.everything() == found
        await store.remove([each.endpoint.id for each in found])
        assert store.everything() == []
    assert read(path) == []


async def test_only_its_owner_can_read_the_file_and_it_holds_no_token(tmp_path):
    path = tmp_path / "e.db"
    with contextlib.closing(Store(path)) as store:
        await store.add(one())
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "token" not in row_of(one())
        assert {"token_hash"} == {c.name for c in ENDPOINTS.columns if "token" in c.name} - {
            "require_api_token_auth"
        }


async def test_it_is_durable_when_a_change_returns(tmp_path):
    with contextlib.closing(Store(tmp_path / "e.db")) as store, store._engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 2000


def test_a_second_sidecar_is_refused_and_a_reader_is_not(tmp_path):
    path = tmp_path / "e.db"
    with contextlib.closing(Store(path)):
        assert refusal(path) == "is in use by another sidecar"
        assert read(path) == []
    Store(path).close()


def test_a_reader_of_a_missing_file_makes_none(tmp_path):
    assert read(tmp_path / "e.db") == []
    assert list(tmp_path.iterdir()) == []


def test_a_newer_and_a_foreign_database_are_refused(tmp_path):
    newer, foreign = tmp_path / "newer.db", tmp_path / "foreign.db"
    Store(newer).close()
    for path, statement in (
        (newer, "PRAGMA user_version=2"),
        (foreign, "CREATE TABLE t (x)"),
    ):
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)
    assert refusal(newer).startswith("was written by a newer sidecar (version 2")
    assert refusal(foreign) == "is a database of something else"
    for path in (newer, foreign):
        with pytest.raises(ConfigError):
            read(path)


def test_a_damaged_file_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "e.db"
    for content in (b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000):
        path.write_bytes(content)
        assert refusal(path) == "is no intact store of endpoints"
        assert path.read_bytes() == content


async def test_rows_that_we_never_wrote_are_refused(tmp_path):
    path = tmp_path / "e.db"
    with contextlib.closing(Store(path)) as store:
        await store.add(one())
    for column, value in (("methods", "read"), ("tags", "[1]"), ("expires_at", "soon")):
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            old = connection.execute(f"SELECT {column} FROM endpoints").fetchone()[0]
            connection.execute(f"UPDATE endpoints SET {column} = ?", (value,))
        with contextlib.closing(Store(path)) as store, pytest.raises(ConfigError, match="intact"):
            store.everything()
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE endpoints SET {column} = ?", (old,))


def test_a_place_where_nothing_can_be_made_is_refused(tmp_path):
    assert "cannot be used" in refusal(tmp_path / "none" / "e.db")
    (tmp_path / "folder").mkdir()
    assert "cannot be used" in refusal(tmp_path / "folder")


async def test_a_store_that_breaks_refuses_and_says_no_value(tmp_path):
    path = tmp_path / "e.db"
    with contextlib.closing(Store(path)) as store:
        await store.add(one())
        with pytest.raises(OrganDown) as caught:
            await store.add(one())
        assert caught.value.reason == "store_unusable"
        assert str(one().endpoint.token_hash) not in str(caught.value)
        assert len(store.everything()) == 1
        with store._engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE endpoints")
        for work in (store.remove(["x"]), store.find("default", "x"), store.change(one())):
            with pytest.raises(OrganDown):
                await work


MANY = 10_000


def median_lookup(directory: identity.Directory, tokens: list[str]) -> float:
    """Seconds of one look-up; the best of some medians, since others share the machine."""

    def once(token: str) -> float:
        began = time.perf_counter()
        assert directory.find(f"/mcp/{token}") is not None
        return time.perf_counter() - began

    return min(statistics.median(once(token) for token in tokens) for _ in range(5))


@pytest.mark.thorough
def test_ten_thousand_endpoints_load_in_bounded_memory_and_are_found_as_fast_as_ten(tmp_path):
    path = tmp_path / "e.db"
    with contextlib.closing(Store(path)) as store, store._engine.begin() as connection:
        connection.execute(ENDPOINTS.insert(), [row_of(one(n)) for n in range(MANY)])
    tracemalloc.start()
    with contextlib.closing(Store(path)) as store:
        before, _ = tracemalloc.get_traced_memory()
        directory = identity.Directory(KEY, (each.endpoint for each in store.everything()))
        after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(directory) == MANY
    assert after - before < 30 * 2**20
    assert peak - before < 60 * 2**20
    few = identity.Directory(KEY, (one(n).endpoint for n in range(10)))
    tokens = [str(n) for n in range(10)] * 50
    assert median_lookup(directory, tokens) < 5 * median_lookup(few, tokens)
    assert directory.find("/mcp/unknown") is None
