"""Where provisioned endpoints outlive the process: one SQLite file, through SQLAlchemy Core.

Theory of operation. One connection, used by one thread of its own, so that a slow disk never holds
up the event loop. Each change is one transaction, begun as a writing one and durable when its
method returns (WAL, synchronous=FULL). Of an endpoint's token only the keyed hash is here. The
file belongs to one sidecar at a time, since another one would not learn of changes: a lock on a
file beside it sees to that, and a reader (`sidecar endpoint list`) needs none.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from sidecar.errors import ConfigError, OrganDown, Problem
from sidecar.provisioning.records import ENDPOINTS, METADATA, Stored, row_of, stored

VERSION: Final = 1
"""Of the table's form, as `PRAGMA user_version`; a file of a newer one is refused."""

_BUSY_MS: Final = 2000
_T = TypeVar("_T")


class Store:
    """The endpoints of one file, open for reading and writing.

    Opening makes the file (mode 0600) when it is missing, and reads all of it once.

    Raises:
        ConfigError: The file cannot be used; it names the file and what to do.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _told(path), contextlib.ExitStack() as stack:
            self._lock = _locked(path)
            stack.callback(os.close, self._lock)
            _create(path)
            self._engine = _engine(path)
            stack.callback(self._engine.dispose)
            _prepare(self._engine, path)
            stack.pop_all()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    def everything(self) -> list[Stored]:
        """Every endpoint, the oldest first; blocks, and is for the start.

        Raises:
            ConfigError: What is stored cannot be read.
        """
        with _told(self._path), self._engine.begin() as connection:
            return _read(connection, sql.select(ENDPOINTS).order_by(ENDPOINTS.c.number))

    async def find(self, account: str, endpoint_id: str) -> Stored | None:
        """One endpoint of an account. Raises OrganDown."""
        query = sql.select(ENDPOINTS).where(*_one(account, endpoint_id))
        found = await self._run(lambda connection: _read(connection, query))
        return found[0] if found else None

    async def page(self, account: str, after: int, limit: int, now: str) -> list[Stored]:
        """At most `limit` endpoints of an account that end after `now`, behind number `after`.

        Raises OrganDown.
        """
        of_account = (ENDPOINTS.c.account == account, ENDPOINTS.c.number > after)
        is_alive = sql.or_(ENDPOINTS.c.expires_at.is_(None), ENDPOINTS.c.expires_at > now)
        query = sql.select(ENDPOINTS).where(*of_account, is_alive)
        query = query.order_by(ENDPOINTS.c.number).limit(limit)
        return await self._run(lambda connection: _read(connection, query))

    async def expired(self, now: str, limit: int) -> list[Stored]:
        """At most `limit` endpoints that have ended by `now`. Raises OrganDown."""
        query = sql.select(ENDPOINTS).where(ENDPOINTS.c.expires_at <= now).limit(limit)
        return await self._run(lambda connection: _read(connection, query))

    async def add(self, new: Stored) -> None:
        """Store a new endpoint. Raises OrganDown, and then nothing was stored."""
        statement = sql.insert(ENDPOINTS).values(row_of(new))
        await self._run(lambda connection: connection.execute(statement))

    async def change(self, changed: Stored) -> None:
        """Store an endpoint anew. Raises OrganDown, and then it is as it was."""
        statement = sql.update(ENDPOINTS).where(ENDPOINTS.c.id == changed.endpoint.id)
        values = row_of(changed)
        await self._run(lambda connection: connection.execute(statement.values(values)))

    async def remove(self, ids: Sequence[str]) -> None:
        """Forget endpoints, all of them or, with OrganDown, none."""
        statement = sql.delete(ENDPOINTS).where(ENDPOINTS.c.id.in_(ids))
        await self._run(lambda connection: connection.execute(statement))

    def close(self) -> None:
        """Give up the file."""
        self._thread.shutdown(wait=True)
        self._engine.dispose()
        os.close(self._lock)

    async def _run(self, work: Callable[[sql.Connection], _T]) -> _T:
        """Do something in one transaction, on the store's own thread."""

        def transaction() -> _T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)
        except (SQLAlchemyError, sqlite3.Error, ValueError, TypeError) as error:
            # Not chained: the error carries the statement's values.
            what = f"the store cannot be used: {_short(error)}"
            raise OrganDown(what, reason="store_unusable") from None


def read(path: Path) -> list[Stored]:
    """Every endpoint of a file, while a sidecar may be using it; nothing is changed.

    Raises:
        ConfigError: The file cannot be used.
    """
    if not path.exists():
        return []
    with _told(path):
        engine = _engine(path, "?mode=ro")
        try:
            with engine.connect() as connection:
                _check_version(connection, path)
                return _read(connection, sql.select(ENDPOINTS).order_by(ENDPOINTS.c.number))
        finally:
            engine.dispose()


def _one(account: str, endpoint_id: str) -> tuple[sql.ColumnElement[bool], ...]:
    return ENDPOINTS.c.account == account, ENDPOINTS.c.id == endpoint_id


def _read(connection: sql.Connection, query: sql.Select[Any]) -> list[Stored]:
    return [stored(row) for row in connection.execute(query).mappings()]


def _locked(path: Path) -> int:
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        remedy = "stop it, or give each its own provisioning.store_file"
        raise _unusable(path, "is in use by another sidecar", remedy) from None
    return lock


def _create(path: Path) -> None:
    """Make an empty file that only its owner can read; SQLite gives its others the same mode."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _engine(path: Path, query: str = "") -> sql.Engine:
    uri = f"{path.absolute().as_uri()}{query}"
    engine = sql.create_engine(
        "sqlite+pysqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False),
        poolclass=sql.StaticPool,
        hide_parameters=True,
    )

    @sql.event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below: the driver's comes too late
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        if not query:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    @sql.event.listens_for(engine, "begin")
    def _begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if query else "BEGIN IMMEDIATE")

    return engine


def _prepare(engine: sql.Engine, path: Path) -> None:
    """Check an old file whole, or give a new one its table."""
    with engine.begin() as connection:
        if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
            raise _damaged(path)
        version = connection.exec_driver_sql("PRAGMA user_version").scalar()
        has_tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar()
        if not version and not has_tables:
            METADATA.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
        _check_version(connection, path)


def _check_version(connection: sql.Connection, path: Path) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    if version == VERSION:
        return
    if isinstance(version, int) and version > VERSION:
        what = f"was written by a newer sidecar (version {version}, known here: {VERSION})"
        raise _unusable(path, what, "run that version, or name a new file")
    raise _unusable(path, "is a database of something else", "name a new file")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Whatever the file system or SQLite says becomes one problem that names the file."""
    try:
        yield
    except sql.exc.DatabaseError as error:
        if isinstance(error.orig, sqlite3.OperationalError):
            raise _unusable(path, f"cannot be used: {_short(error)}", _WRITABLE) from None
        raise _damaged(path) from None
    except (SQLAlchemyError, sqlite3.Error, ValueError, TypeError):
        raise _damaged(path) from None
    except OSError as error:
        raise _unusable(path, f"cannot be used: {error.strerror}", _WRITABLE) from None


_WRITABLE: Final = "make it and its folder writable for this user"


def _damaged(path: Path) -> ConfigError:
    remedy = "keep it as evidence, and restore a copy or name a new file"
    return _unusable(path, "is no intact store of endpoints", remedy)


def _unusable(path: Path, what: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(f"provisioning.store_file {path}", what, remedy)])


def _short(error: Exception) -> str:
    """What the driver said, without the statement and its values."""
    return str(getattr(error, "orig", None) or type(error).__name__)
