"""Endpoints made, changed and deleted while the sidecar runs; in force from the next request on.

Theory of operation. Changes go one after another: the audit log has each durably before it is made,
then the store, and last the directory that callers are looked up in. Where the log cannot be
written there is no change; where the store cannot, the log says so in a second event. A process
that dies in between leaves the first event alone, and the endpoint is as the store has it. An
endpoint that has expired is not there any more, whether it was swept already or not.
"""

from __future__ import annotations

import asyncio
import unicodedata
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from sidecar import audit
from sidecar.errors import ConfigError, NotFound, OrganDown, Problem
from sidecar.identity import Directory, new_endpoint_token
from sidecar.model import Caller, Endpoint, Tool
from sidecar.policy.sealed import denials
from sidecar.provisioning import events
from sidecar.provisioning.records import Stored, moment
from sidecar.provisioning.requests import Wanted, unusable
from sidecar.provisioning.store import Store
from sidecar.settings import DEFAULT_ACCOUNT

_log = structlog.get_logger("sidecar.provisioning")

MOST: Final = 100_000
"""Endpoints that one gateway holds; their number bounds its memory."""

SWEEP_SECONDS: Final = 30.0
_SWEPT_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks for a change, and from which address."""

    caller: Caller
    ip: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What endpoints can be made here.

    `accounts` are the ids of the integrated accounts, `public_url` begins each endpoint's URL,
    `tool_exposure` is the backend's and so every endpoint's.
    """

    accounts: frozenset[str]
    public_url: str
    tool_exposure: str


class Gateway:
    """The provisioned endpoints. `directory` holds the declared ones when it is given.

    Raises:
        ConfigError: A stored endpoint has a name that the settings declare, or the store cannot
            be read.
    """

    def __init__(
        self,
        store: Store,
        directory: Directory,
        tools: Iterable[Tool],
        writer: audit.Writer,
        rules: Rules,
        clock: Callable[[], datetime],
    ) -> None:
        self.rules = rules
        self.clock = clock
        self._store = store
        self._directory = directory
        self._tools = tuple(tools)
        self._writer = writer
        self._reserved = frozenset(_folded(one.name) for one in directory if not one.id)
        self._lock = asyncio.Lock()
        self._load()

    async def create(self, who: Who, account: str, wanted: Wanted) -> tuple[Stored, str]:
        """Make an endpoint; gives it and its token, which is kept nowhere.

        Raises:
            Malformed: No tool matches, its name is taken, or there are too many.
            OrganDown: Log or store cannot be written; nothing was made.
        """
        token, made = new_endpoint_token(), str(uuid.uuid4())
        usual = Endpoint(
            name=f"endpoint-{made[:8]}",
            token_hash=self._directory.hash_of(token),
            methods=("read",),
            id=made,
            account="" if account == DEFAULT_ACCOUNT else account,
        )
        async with self._lock:
            now = self.clock()
            endpoint = replace(usual, **wanted.fields)
            self._check(endpoint, now)
            if len(self._directory) >= MOST:
                raise unusable(f"this gateway holds {MOST} endpoints; delete some first")
            at = moment(now)
            new = Stored(endpoint, who.caller.subject, at, at)
            async with self._announced("endpoint_created", new, who):
                await self._store.add(new)
            self._directory.put(endpoint)
        return new, token

    async def change(self, who: Who, account: str, endpoint_id: str, wanted: Wanted) -> Stored:
        """Change an endpoint; without a config of its own its scope is not checked again.

        Raises:
            NotFound: The account has no such endpoint.
            Malformed: Nothing is to be changed, no tool would match, or its name is taken.
            OrganDown: Log or store cannot be written; nothing was changed.
        """
        if not wanted.fields and not wanted.has_config:
            raise unusable("the body changes nothing; send name, config or expires_at")
        async with self._lock:
            old, now = await self.find(account, endpoint_id), self.clock()
            endpoint = replace(old.endpoint, **wanted.fields)
            self._check(endpoint, now, has_scope=wanted.has_config)
            new = replace(old, endpoint=endpoint, updated_at=moment(now))
            async with self._announced("endpoint_changed", new, who):
                await self._store.change(new)
            self._directory.put(endpoint)
        return new

    async def delete(self, who: Who, account: str, endpoint_id: str) -> None:
        """Delete an endpoint; its URL is unknown from the next request on.

        Raises:
            NotFound: The account has no such endpoint.
            OrganDown: Log or store cannot be written; it is still there.
        """
        async with self._lock:
            old = await self.find(account, endpoint_id)
            async with self._announced("endpoint_deleted", old, who):
                await self._store.remove([endpoint_id])
            self._forget(old)

    async def find(self, account: str, endpoint_id: str) -> Stored:
        """One endpoint of an account. Raises NotFound, OrganDown."""
        found = await self._store.find(account, endpoint_id)
        if found is None or found.has_ended(self.clock()):
            public = "This account has no such endpoint; the list of its endpoints has every id."
            raise NotFound("no such endpoint", public=public)
        return found

    async def page(self, account: str, limit: int, after: int) -> tuple[list[Stored], int | None]:
        """At most `limit` endpoints behind number `after`, and the number to go on from.

        Raises OrganDown.
        """
        found = await self._store.page(account, after, limit + 1, moment(self.clock()))
        has_more = len(found) > limit
        return found[:limit], found[limit - 1].number if has_more else None

    async def sweep(self) -> int:
        """Delete what has expired, after recording it; gives how many. Raises OrganDown."""
        count = 0
        while True:
            async with self._lock:
                ended = await self._store.expired(moment(self.clock()), _SWEPT_AT_ONCE)
                if not ended:
                    return count
                for one in ended:
                    event = events.change("endpoint_swept", one)
                    await self._writer.record(event, is_synced=one is ended[-1])
                await self._store.remove([one.endpoint.id for one in ended])
                for one in ended:
                    self._forget(one)
                count += len(ended)

    async def sweep_for_ever(self) -> None:
        """Sweep now and twice a minute, whatever happens to one round."""
        while True:
            try:
                await self.sweep()
            except OrganDown as down:
                _log.warning("expired endpoints could not be swept", detail=str(down))
            await asyncio.sleep(SWEEP_SECONDS)

    def _load(self) -> None:
        """Let callers in at what is stored."""
        stored = self._store.everything()
        taken = [one for one in stored if _folded(one.endpoint.name) in self._reserved]
        if taken:
            remedy = "name the declared one otherwise: rules about it would hold for both"
            raise ConfigError([Problem("endpoints", _has_name(one), remedy) for one in taken])
        for one in stored:
            if one.account in self.rules.accounts:
                self._directory.put(one.endpoint)
            else:
                _log.warning(
                    "a provisioned endpoint is not served: its account is no longer set",
                    endpoint_id=one.endpoint.id,
                )

    def _forget(self, one: Stored) -> None:
        self._directory.remove(str(one.endpoint.token_hash))

    def _check(self, endpoint: Endpoint, now: datetime, *, has_scope: bool = True) -> None:
        if _folded(endpoint.name) in self._reserved:
            raise unusable("name: belongs to an endpoint of the settings; choose another")
        if has_scope and not any(not denials(tool, endpoint, now) for tool in self._tools):
            raise unusable(
                "config: no tool of the catalog matches both methods and tags; `sidecar catalog "
                "list` shows what there is"
            )

    @asynccontextmanager
    async def _announced(self, what: str, one: Stored, who: Who) -> AsyncIterator[None]:
        """Around a change of the store: recorded durably before, and taken back if it failed."""
        event = events.change(what, one, who.caller, who.ip)
        await self._writer.record(event, is_synced=True)
        try:
            yield
        except OrganDown as down:
            await self._writer.record(events.taken_back(event, down), is_synced=True)
            raise


def _folded(name: str) -> str:
    """A name as a careless comparison would read it."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _has_name(one: Stored) -> str:
    return f"declares a name that provisioned endpoint {one.endpoint.id} has"
