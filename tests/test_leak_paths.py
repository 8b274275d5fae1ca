"""Every way by which a value could leak, planted in a running sidecar, and every sink read at once.

The paths and their numbers stand in `leak_table.py`; this file holds those that need traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import console
import orjson
import pytest
from flow import ask, call, event, stream, tool_result
from leak_canaries import Canaries, Data
from leak_parts import READ, SINKS, UNMASKED, Scripted, Watched, reviewed
from leak_replies import REPLIES
from leak_replies import Case as ReplyCase
from leak_requests import REQUESTS
from leak_requests import Case as RequestCase
from world import served, staged

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]


@pytest.fixture(scope="module")
def backend() -> Iterator[tuple[Scripted, str]]:
    scripted = Scripted()
    with served(scripted.app(), has_list=False) as url:
        yield scripted, f"{url}/mcp"


@pytest.fixture(scope="module")
def world(
    backend: tuple[Scripted, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """One sidecar for all. What it writes as it stops is searched for whatever was planted."""
    folder = tmp_path_factory.mktemp("watched")
    with staged(Watched(folder, backend[1], backend[0])) as up:
        yield up
    left = [f for name in ("audit", "tmp", "out", "err") for f in files(folder / name)]
    written = b"".join(file.read_bytes() for file in left)
    assert b'"what":"stop"' in written
    report = reviewed(folder)
    assert all(sign in report for sign in (b"<!doctype html", b"Personal data", READ.encode()))
    looks = b"".join(file.read_bytes() for file in files(folder / "audit" / "reviews"))
    data = Data(written + report + looks)
    planted = {value for canaries in up.planted for value in canaries.values}
    assert [value for value in (*planted, *up.secrets) if data.form_of(value)] == []


def files(place: Path) -> list[Path]:
    """A file, or the files of a folder."""
    return [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]


@pytest.mark.parametrize("case", REPLIES, ids=str)
async def test_invariant_4_what_a_backend_says_shows_nowhere(world: Watched, case: ReplyCase):
    assert await leaks_of_reply(world, case) == []


@pytest.mark.parametrize("case", REQUESTS, ids=str)
async def test_invariant_4_what_a_caller_says_shows_nowhere(world: Watched, case: RequestCase):
    assert await leaks_of_request(world, case) == []


async def leaks_of_reply(world: Watched, case: ReplyCase) -> list[str]:
    """Ask for a reply with canaries in it; where they show."""
    canaries = planted(world, case.number)
    world.backend.reply = case.make(canaries)
    sent = world.backend.sent
    asked = ask(case.asks) if case.asks != "tools/call" else call(READ)
    reply = await world.ask(asked)
    assert world.backend.sent > sent, reply.text
    leaks = await world.leaks(canaries.values, [] if case.passes else [reply])
    return leaks or ([] if case.seen in reply.text else [f"not {case.seen}: {reply.text}"])


async def leaks_of_request(world: Watched, case: RequestCase) -> list[str]:
    """Send a request with canaries in it; where they show."""
    canaries = planted(world, case.number)
    world.backend.reply = None
    sent = case.make(canaries)
    reply = await world.ask(sent.body, sent.headers, **sent.how)
    assert reply.status_code in case.statuses, reply.text
    return await world.leaks(canaries.values, [] if case.passes else [reply])


def planted(world: Watched, number: int) -> Canaries:
    """A set of values for one planting, remembered for the end."""
    canaries = Canaries(number, len(world.planted) % 100)
    world.planted.append(canaries)
    return canaries


# ---- 12, 43, 53, 54, 57: what no single message shows -------------------------------------------


async def test_12_a_resumed_stream_shows_nothing(world: Watched):
    canaries = planted(world, 12)
    world.backend.reply = None
    hello = ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={})
    hello["params"]["clientInfo"] = {"name": "test", "version": "1"}
    session = (await world.ask(hello)).headers.get("mcp-session-id", "none")
    world.backend.reply = stream(
        b"id: 7\n",
        event(ask("notifications/message", level="info", data=canaries.prose) | {"id": None}),
    )
    headers = [("mcp-session-id", session), ("last-event-id", canaries.email)]
    reply = await world.ask(b"", headers, verb="GET")
    assert await world.leaks(canaries.values, [reply]) == []


async def test_43_what_only_looks_personal_survives(world: Watched):
    world.backend.reply = tool_result({"result": [{"note": text} for text in SURVIVE]})
    reply = await world.ask(call(READ))
    got = orjson.loads(reply.content)["result"]["structuredContent"]["result"]
    assert [one["note"] for one in got] == list(SURVIVE)


SURVIVE = (
    "fpDL5a8GbDpnX0jfzVkd9A", "a-b_c-D4eF6gH8iJ0kL2mN", "5f43e1c2a9b84d7f90123456",
    "123e4567-e89b-42d3-a456-426614174000", "0af7651916cd43dd8448eb211c80319c",
    "order #4155552671", "1Z999AA10123456784", "4006381333931", "1700000000", "1700000000123",
    "2026-11-22T12:00:00.000Z", "$1,299.00", "v1.22.333", "4111111111111112", "logo@2x.png",
)  # fmt: skip


async def test_53_a_sidecar_that_serves_prints_nothing_on_standard_output(world: Watched):
    await world.ask(ask("tools/list"))
    assert (world.folder / "out").read_bytes() == b""
    assert b'"level": "info"' in (world.folder / "err").read_bytes()


@pytest.mark.parametrize(
    "words", [["check"], ["endpoint", "list"], ["doctor"], ["serve", "--help"], ["--help"]]
)
def test_54_no_command_shows_a_secret(world: Watched, words: list[str]):
    has_config = "--help" not in words
    config = ["--config", str(world.folder / "sidecar.yaml")] if has_config else []
    ran = console.sidecar(*words, *config)
    assert ran.out
    said = Data(f"{ran.out}{ran.err}".encode())
    assert [secret for secret in world.secrets if said.form_of(secret)] == []


def test_57_what_a_sidecar_leaves_on_disk_is_for_its_owner_alone(world: Watched):
    assert list((world.folder / "tmp").iterdir()) == []
    for path in (world.folder / "audit", *(world.folder / "audit").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


# ---- the watch itself: it sees what there is to be seen -----------------------------------------


@pytest.fixture(scope="module")
def unmasked(
    backend: tuple[Scripted, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """The same sidecar with its masking and scrubbing taken out."""
    folder = tmp_path_factory.mktemp("unmasked")
    with staged(Watched(folder, backend[1], backend[0], ("-c", UNMASKED))) as up:
        yield up


SEEN_IN_REPLIES = ("01 ", "03 ", "06 ", "08 log", "14 ", "26 ", "33 ", "36 ", "42 ")
SEEN_IN_THE_LOG = ("11 unknown method", "11 unknown tool", "24 claims", "24 what", "14 keys")


@pytest.mark.parametrize(
    "case", [c for c in REPLIES if str(c).startswith(SEEN_IN_REPLIES)], ids=str
)
async def test_without_masking_a_value_is_seen_in_the_reply(unmasked: Watched, case: ReplyCase):
    assert "a reply: " in " ".join(await leaks_of_reply(unmasked, case))


@pytest.mark.parametrize(
    "case", [c for c in REQUESTS if str(c).startswith(SEEN_IN_THE_LOG)], ids=str
)
async def test_without_scrubbing_a_value_is_seen_in_the_log(unmasked: Watched, case: RequestCase):
    leaks = " ".join(await leaks_of_request(unmasked, case))
    assert "audit files: " in leaks
    assert "audit show: " in leaks


@pytest.mark.parametrize("name", ["audit/audit.torn.9", "out", "err", "tmp/x", "sidecar.yaml"])
async def test_a_value_in_a_file_is_seen(unmasked: Watched, name: str):
    canaries = planted(unmasked, 57)
    file = unmasked.folder / name
    before = file.read_bytes() if file.exists() else None
    file.write_bytes((before or b"") + canaries.card.encode())
    try:
        leaks = await unmasked.leaks(canaries.values, [])
    finally:
        file.write_bytes(before) if before is not None else file.unlink()
    assert len(leaks) == 1
    assert canaries.card in leaks[0]


async def test_every_sink_has_something_to_read(world: Watched):
    await world.ask(ask("tools/list"))
    empty = [sink.name for sink in SINKS if not await sink.read(world)]
    assert empty == ["temporary files", "OPA's log"]
