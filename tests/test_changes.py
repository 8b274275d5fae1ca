"""What has changed since the last start, and while the sidecar runs, as a reviewer reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from settings_parts import GOOD, written
from test_audit_event import VALIDATOR

from sidecar import app, audit, changes, settings
from sidecar.audit.space import Bounds
from sidecar.errors import OrganDown
from sidecar.model import Event, JsonObject

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]

SECRET = "a-secret-of-at-least-32-bytes-for-tests"


def good(folder: Path, text: str = GOOD) -> settings.Settings:
    """Settings whose files are there."""
    file = folder / "secret"
    file.touch(mode=0o600)
    file.write_text(SECRET)
    return settings.load(written(folder, text))


def lifecycle(folder: Path) -> list[JsonObject]:
    """The lifecycle events of the log, each as the schema says."""
    events = [orjson.loads(line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]
    for event in events:
        VALIDATOR.validate(event)
    return [event for event in events if event["stage"] == "lifecycle"]


async def ran(loaded: settings.Settings, **parts: Any) -> JsonObject:
    """Start the sidecar with these settings, stop it, and give its start's record."""
    checked = replace(app.check(loaded), **parts)
    async with app.opened(loaded, checked):
        pass
    starts = [e for e in lifecycle(loaded.audit.folder) if e["data"]["what"] == "start"]
    return starts[-1]


@asynccontextmanager
async def writing(folder: Path) -> AsyncIterator[audit.Writer]:
    writer = audit.Writer(folder, instance="t", clock=lambda: datetime.now(UTC), max_bytes=1 << 20)
    try:
        yield writer
    finally:
        writer.close()


async def test_a_first_start_says_what_runs_and_that_it_is_the_first(tmp_path):
    loaded = good(tmp_path)
    data = (await ran(loaded))["data"]
    assert data["is_first"] is True
    assert "changed" not in data
    parts = app.check(loaded)
    assert data["policy_sha256"] == parts.bundle.sha256
    assert data["catalog_sha256"] == parts.catalog.sha256
    assert {text.partition(":")[0] for text in data["sections_sha256"]} >= {"audit", "limits"}


async def test_a_start_with_nothing_changed_says_so_and_names_the_one_before(tmp_path):
    loaded = good(tmp_path)
    first = await ran(loaded)
    second = await ran(loaded)
    assert second["data"]["last_start"] == first["id"]
    assert second["data"]["changed"] == []
    assert second["data"]["is_first"] is False


async def test_a_start_says_what_has_changed_with_the_digests_before(tmp_path):
    before = (await ran(good(tmp_path)))["data"]
    loaded = good(tmp_path, GOOD + "limits: {streams: 7}\n")
    parts = app.check(loaded)
    data = (await ran(loaded, catalog=replace(parts.catalog, sha256="ab" * 32)))["data"]
    assert data["changed"] == ["settings", "catalog", "settings.limits"]
    assert data["settings_sha256_before"] == before["settings_sha256"]
    assert data["catalog_sha256_before"] == before["catalog_sha256"]
    assert "policy_sha256_before" not in data


async def test_pins_that_came_and_went_are_a_change(tmp_path):
    pins = tmp_path / "pins.json"
    pins.write_text('{"tools": {}}')
    await ran(good(tmp_path))
    data = (await ran(good(tmp_path, GOOD + "catalog: {pins_file: FOLDER/pins.json}\n")))["data"]
    assert "pins" in data["changed"]
    assert "pins_sha256_before" not in data
    again = (await ran(good(tmp_path)))["data"]
    assert again["pins_sha256_before"] == data["pins_sha256"]
    assert "pins_sha256" not in again


def test_no_digest_of_a_start_is_one_of_a_secret(tmp_path):
    one = good(tmp_path, GOOD.replace("9000/mcp", "9000/mcp/first-secret-token"))
    two = good(tmp_path, GOOD.replace("9000/mcp", "9000/mcp/second-secret-token"))
    said = [
        changes.started(each, {}, "embedded", {}).data["sections_sha256"] for each in (one, two)
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"policy_sha256": "Jane Roe", "settings_sha256": 5},
        {"policy_sha256": ["x"], "settings_sha256": {"a": 1}, "sections_sha256": [5, "x", "a:b"]},
        {"sections_sha256": "audit"},
    ],
)
def test_a_start_repeats_nothing_of_an_odd_record_before_it(tmp_path, data):
    before = {"id": "x", "stage": "lifecycle", "data": {"what": "start", **data}}
    event = changes.started(good(tmp_path), {"policy": "ab" * 32}, "embedded", before)
    assert {"settings", "policy"} <= set(event.data["changed"])
    assert "Jane" not in str(event.data)


async def start(writer: audit.Writer, number: int) -> None:
    data = {"what": "start", "number": number}
    await writer.record(Event(audit.event_id(), "lifecycle", data=data))


async def test_the_last_start_is_found_behind_other_lines_and_in_an_earlier_segment(tmp_path):
    assert audit.last_start(tmp_path / "none") == {}
    async with writing(tmp_path) as writer:
        for number in (1, 2):
            await start(writer, number)
        words = {"what": "note", "text": '{"what":"start"}', "data": ["what", "start"]}
        await writer.record(Event(audit.event_id(), "admin", data=words))
        await writer.record(Event(audit.event_id(), "admin", data={"what": "start", "number": 3}))
        assert audit.last_start(tmp_path)["data"]["number"] == 2
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit.000000000001.jsonl")
    assert audit.last_start(tmp_path)["data"]["number"] == 2
    (tmp_path / "audit.jsonl").write_bytes(b"")
    assert audit.last_start(tmp_path)["data"]["number"] == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b'"what":"start"',
        b'"what":"start"\n',
        b'{"what":"start"}\n{"seq":1,"prev":"","stage":"lifecycle","data":{"what":"start"}',
        b"x" * 3_000_000 + b'"what":"start"' + b"x" * 3_000_000 + b"\n",
    ],
)
def test_bytes_that_hold_no_start_give_none(tmp_path, raw):
    (tmp_path / "audit.jsonl").write_bytes(raw)
    assert audit.last_start(tmp_path) == {}


def test_every_file_of_the_settings_is_watched_but_what_the_sidecar_writes(tmp_path):
    (tmp_path / "deny.yaml").write_text("jti: []\n")
    loaded = good(tmp_path, GOOD + "deny_file: FOLDER/deny.yaml\n")
    found = changes.files(loaded)
    secret = "bearer.issuers[0].hs256_secret_file"
    assert found == {secret: tmp_path / "secret", "deny_file": tmp_path / "deny.yaml"}


async def test_a_file_that_changes_goes_and_comes_back_is_told_each_time_by_its_setting(tmp_path):
    file, pins = tmp_path / "token", tmp_path / "pins"
    file.write_text("one")
    pins.write_text("{}")
    async with writing(tmp_path / "log") as writer:
        watch = changes.Watch({"a.token_file": file, "catalog.pins_file": pins}, writer)
        await watch.look()
        file.write_text("another one")
        await watch.look()
        await watch.look()
        file.unlink()
        await watch.look()
        file.write_text("a third")
        pins.write_text("{} ")
        await watch.look()
    told = [e["data"] for e in lifecycle(tmp_path / "log") if e["data"]["what"] == "rotated"]
    assert [(t["setting"], t["is_there"], t["is_read_again"]) for t in told] == [
        ("a.token_file", True, True),
        ("a.token_file", False, True),
        ("a.token_file", True, True),
        ("catalog.pins_file", True, False),
    ]
    assert "another" not in (tmp_path / "log/audit.jsonl").read_text()


async def test_a_change_that_cannot_be_recorded_is_told_by_the_next_look(tmp_path):
    file = tmp_path / "token"
    file.write_text("one")
    async with writing(tmp_path / "log") as writer:
        watch = changes.Watch({"token_file": file}, writer)
        file.write_text("another one")
        room, writer._space.bounds = writer._space.bounds, Bounds(10)
        with pytest.raises(OrganDown):
            await watch.look()
        writer._space.bounds = room
        await watch.look()
    told = [event["data"]["what"] for event in lifecycle(tmp_path / "log")]
    assert told == ["resumed", "rotated", "stop"]


class Elsewhere:
    """An engine whose policy is replaced between two looks."""

    def __init__(self) -> None:
        self.policy_sha256 = "aa" * 32

    async def reread(self) -> None:
        self.policy_sha256 = "bb" * 32


async def test_another_policy_in_an_engine_elsewhere_is_told_once_with_both_digests(tmp_path):
    async with writing(tmp_path) as writer:
        watch = changes.Watch({}, writer, Elsewhere())
        await watch.look()
        await watch.look()
    told = [event["data"] for event in lifecycle(tmp_path)]
    assert told[0] == {
        "what": "policy_changed",
        "policy_sha256": "bb" * 32,
        "policy_sha256_before": "aa" * 32,
    }
    assert [each["what"] for each in told] == ["policy_changed", "stop"]


async def test_a_running_sidecar_tells_that_its_deny_list_was_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(changes.Watch.run, "__defaults__", (0.01,))
    deny = tmp_path / "deny.yaml"
    deny.write_text("jti: []\n")
    loaded = good(tmp_path, GOOD + "deny_file: FOLDER/deny.yaml\n")
    async with app.opened(loaded, app.check(loaded)) as running:
        rotated = asyncio.Event()
        record = running.trail.writer.record

        async def recorded(event: Event, **named: Any) -> None:
            await record(event, **named)
            if event.data.get("what") == "rotated":
                rotated.set()

        running.trail.writer.record = recorded  # type: ignore[method-assign]  # the real one, and a bell
        deny.write_text("jti: [gone]\n")
        async with asyncio.timeout(5):
            await rotated.wait()
    told = [e["data"] for e in lifecycle(loaded.audit.folder) if e["data"]["what"] == "rotated"]
    assert [each["setting"] for each in told] == ["deny_file"]
