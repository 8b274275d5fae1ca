"""Hostile replies of a backend through a real sidecar, read by real clients and byte by byte.

A scripted backend on a raw socket frames its replies in every way that may show a hidden tool or an
unmasked value to a client that parses less strictly than the sidecar. Each case is read through the
sidecar, where nothing may come out, and directly, where enough must, or the cases prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Final

import hostile_readers as readers
import pytest
from anyio.from_thread import start_blocking_portal
from hostile_lists import LISTS
from hostile_readers import Bytes, Told
from hostile_replies import HIDDEN, SECRETS, SHOWN, Case
from hostile_results import RESULTS
from hostile_server import Backend
from world import Behind, logged, staged

from sidecar import audit

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

CASES: Final = LISTS + RESULTS
PATIENCE: Final = 5.0
"""Seconds in which every case must end; the sidecar itself gives a backend two."""

IMPATIENCE: Final = 1.0
"""The same where nothing but a count is wanted."""

Read = Callable[[str, str, Sequence[Case], float], Coroutine[Any, Any, dict[str, Told]]]
BYTES: Final[dict[str, Read]] = {
    "bytes, handshake": partial(readers.by_bytes, "legacy"),
    "bytes, stateless": partial(readers.by_bytes, "auto"),
}
CLIENTS: Final[dict[str, Read]] = {
    "Python, handshake": partial(readers.by_python, "legacy"),
    "Python, stateless": partial(readers.by_python, "auto"),
    "TypeScript v1": partial(readers.by_node, "reader_v1.mjs", "legacy"),
    "TypeScript v2, handshake": partial(readers.by_node, "reader_v2.mjs", "legacy"),
    "TypeScript v2, stateless": partial(readers.by_node, "reader_v2.mjs", "auto"),
}
READERS: Final = BYTES | CLIENTS
WAITS: Final = frozenset(case.name for case in CASES if case.then)
"""Resumed streams belong to no request, so their refusal has no id: a client may wait for its own
timeout."""


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with start_blocking_portal() as portal:
        hostile = portal.call(partial(Backend, CASES))
        with portal.wrap_async_context_manager(hostile.listening()) as url:
            yield url


def behind(folder: Any, backend: str) -> Behind:
    """A sidecar that is impatient with its backend and has room for all cases at once."""
    limits = {"reply_timeout": 2.0, "idle_timeout": 2.0, "max_connections": 1000}
    return Behind(folder, backend, backend=limits)


@pytest.fixture(scope="module")
def sidecar(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with staged(behind(tmp_path_factory.mktemp("sidecar"), backend)) as up:
        yield up


async def read(reader: str, sidecar: Behind) -> dict[str, Told]:
    """Every case through the sidecar, at its read-only endpoint."""
    bearer = sidecar.bearer("agent")
    return await READERS[reader](sidecar.url("read-only"), bearer, CASES, PATIENCE)


@pytest.mark.parametrize("reader", READERS)
async def test_no_reply_shows_a_hidden_tool_or_an_unmasked_value(sidecar, reader):
    told = await read(reader, sidecar)
    assert told.keys() == {case.name for case in CASES}
    kept = [case.name for case in CASES if not case.stated]
    assert [name for name in kept if told[name].is_leaked_anywhere] == []
    late = {name for name, each in told.items() if each.seconds is None}
    assert late <= (WAITS if reader.startswith("TypeScript") else set())
    assert_served(told)
    assert_no_more_than_stated(reader, told)
    await assert_works(sidecar)


def assert_served(told: dict[str, Told]) -> None:
    """What is framed well is not refused: otherwise hiding would be no art."""
    for name in ("body: plain", "stream: plain", "stream: CRLF", "stream: one byte at a time"):
        assert SHOWN in told[name].text, name
    for name in ("result: plain", "call stream: plain", "result: JSON in JSON in text"):
        assert "[EMAIL]" in told[name].text, name


def assert_no_more_than_stated(reader: str, told: dict[str, Told]) -> None:
    """A 429 passes byte for byte, and a backend's own handles are never altered; no list does."""
    stated = {case.name for case in CASES if case.stated}
    if reader in BYTES:
        assert {name for name in stated if told[name].is_leaked} == stated
    else:
        assert not [name for name in stated if '"tools": [' in told[name].text]


async def assert_works(sidecar: Behind) -> None:
    """A harmless client is served as if nothing had happened."""
    friend = Case("friendly", "list", LISTS[0].reply)
    agent = Bytes(sidecar.url("read-only"), sidecar.bearer("agent"))
    for is_modern in (False, True):
        answer = await agent.case(friend, is_modern=is_modern)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert SHOWN.encode() in answer
        assert HIDDEN.encode() not in answer


@pytest.mark.parametrize("client", CLIENTS)
async def test_without_the_sidecar_a_client_shows_it(backend, client, record_property):
    told = await CLIENTS[client](backend, "none", CASES, IMPATIENCE)
    leaking = [name for name, each in told.items() if each.is_leaked]
    record_property("cases", len(CASES))
    record_property("leaking", len(leaking))
    print(f"{client}: {len(leaking)} of {len(CASES)} cases leak without the sidecar")
    assert len(leaking) >= 50


async def test_every_hostile_reply_leaves_one_outcome_and_no_personal_value(backend, tmp_path):
    async with behind(tmp_path, backend) as sidecar:
        await read("bytes, stateless", sidecar)
        await sidecar.stop_sidecar()
        outcomes = logged(sidecar, method="tools/list") + logged(sidecar, method="tools/call")
        assert len(outcomes) == len(CASES)
        assert audit.verify(sidecar.audit_log).is_valid
        log = sidecar.audit_log.read_text().casefold()
        assert not [secret for secret in SECRETS if secret in log and secret != HIDDEN]
