"""A site's folder taken up while serving: whole, checked, recorded first, and guarded.

Over 300 lines: each is one change of a folder and what became of it.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from engine_parts import NOW, facts, put
from flow import CATALOG, ask, flow, tool_list
from settings_parts import GOOD, written
from structlog.testing import capture_logs
from test_audit_event import VALIDATOR

from sidecar import app, settings
from sidecar.errors import ConfigError, OrganDown, Problem
from sidecar.model import Endpoint, Event
from sidecar.policy import (
    Bundle,
    Embedded,
    Engine,
    Facts,
    Folder,
    Generations,
    Guard,
    Policy,
    Source,
    Window,
    embedded,
    listed,
    load,
)
from sidecar.policy.renewal import folder, guard
from sidecar.settings import shipped

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]

LIBRARY = shipped("policies")
ENDPOINT = Endpoint("all", None, methods=("read", "write", "custom"))
HARMLESS = {"get", "list"}
REFUSED = {"media", "voice", "bulk_pii", "export", "webhooks"}
READS = [
    row.tool
    for row in CATALOG.rows
    if row.tool.method in HARMLESS and not REFUSED & {*row.tool.tags}
][:20]
DENIAL = '"code": "access.mine", "message": "m", "remedy": "r"'


def denying(*tools: str) -> dict[str, str | bytes]:
    """A site that refuses some tools, or with `*` all."""
    rules = "\n\n".join(f'deny contains {{"tool": "{tool}", {DENIAL}}}' for tool in tools)
    return {"mine.rego": f"package site.rules.access.mine\n\n{rules}\n"}


NOTHING = denying("no_such_tool")
EVERYTHING = denying("*")
BROKEN: Mapping[str, str | bytes] = {"mine.rego": "package site.rules.access.mine\n\ndeny contains"}


class Site:
    """A folder, what decides by it, and what was recorded. `guard_share` as in the settings."""

    def __init__(
        self,
        root: Path,
        files: Mapping[str, str | bytes] = NOTHING,
        guard_share: float = 0.2,
        source: Source | None = None,
        **named: Any,
    ) -> None:
        self.folder = put(root / "site", files)
        bundle = load(LIBRARY, self.folder)
        self.first = bundle.sha256
        window = Window(500)
        self.policy = Policy(Embedded(bundle, is_tried=True), 5.0, window=window)
        lists = listed([row.tool for row in CATALOG.rows], [ENDPOINT], NOW)
        self.recorded: list[dict[str, Any]] = []
        self.is_full = False
        self.refused = asyncio.Event()
        self.generations = Generations(
            self.policy,
            bundle,
            source or Folder(LIBRARY, self.folder, rest=0.001),
            Guard(window, guard_share, 5.0, lists),
            self._record,
            confirmed=self.folder / "confirmed",
            **named,
        )

    async def _record(self, what: str, said: dict[str, Any]) -> None:
        if self.is_full:
            self.refused.set()
            raise OrganDown("full", reason="audit_full")
        self.recorded.append({"what": what, **said})

    async def change(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, and look."""
        put(self.folder, files)
        await self.generations.look()

    async def traffic(self, times: int = 1) -> None:
        """Calls of tools that the library allows."""
        for _ in range(times):
            for tool in READS:
                assert (await self.policy.decide(self.asked(tool))).of(tool.name).is_allowed

    def asked(self, tool: Any) -> Facts:
        caller = listed([], [ENDPOINT], NOW)[0].caller
        return facts(tool, caller=caller, recent={})

    async def decided(self, tool: Any = READS[0]) -> tuple[str, bool]:
        """By which policy a call is decided now, and whether it is allowed."""
        decision = await self.policy.decide(self.asked(tool))
        return decision.policy_sha256, decision.of(tool.name).is_allowed

    @property
    def what(self) -> list[str]:
        return [each["what"] for each in self.recorded]


async def test_a_changed_rule_decides_the_next_message_and_is_recorded_with_both_digests(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    await site.change(denying(READS[0].name))
    sha256, is_allowed = await site.decided()
    assert not is_allowed
    assert (await site.decided(READS[1]))[1]
    assert site.recorded == [
        {
            "what": "policy_changed",
            "policy_sha256": sha256,
            "policy_sha256_before": site.first,
            "judged": 20,
            "judged_what": "recent decisions",
            "newly_refused": 1,
            "newly_allowed": 0,
            "is_confirmed": False,
            "is_return": False,
        }
    ]
    assert site.generations.told() == ""
    assert site.generations.standing.reloads == {"live": 1, "held": 0, "unusable": 0}


async def test_a_folder_in_which_nothing_changed_is_not_read_again(tmp_path, monkeypatch):
    site = Site(tmp_path)
    await site.generations.look()
    monkeypatch.setattr(folder, "load", None)
    await site.generations.look()
    assert site.recorded == []
    assert (await site.decided()) == (site.first, True)


@pytest.mark.parametrize(
    "files",
    [
        BROKEN,
        {"mine.rego": b"\xff"},
        {"more/data.yaml": "a: 1"},
        {"data.yaml": "site: {config: {unknown_word: 1}}"},
        {"other.rego": f'package sites.mine\n\ndeny contains {{"tool": "*", {DENIAL}}}'},
    ],
)
async def test_a_folder_that_cannot_be_used_changes_nothing_and_is_told_once_with_its_places(
    tmp_path, files
):
    site = Site(tmp_path)
    with capture_logs() as logs:
        await site.change(files)
        await site.generations.look()
    assert (await site.decided()) == (site.first, True)
    (told,) = [line for line in logs if line["log_level"] == "error"]
    assert all(str(site.folder) in problem for problem in told["problems"])
    (event,) = site.recorded
    assert (event["what"], event["policy_sha256"]) == ("policy_unusable", site.first)
    assert event["places"][0].startswith(str(site.folder))
    assert site.generations.told().startswith("policy: the newest is not usable: 1 problem, ")
    assert site.generations.standing.is_unusable
    assert site.generations.standing.reloads["unusable"] == 1


async def test_a_folder_that_vanishes_leaves_the_last_good_policy_and_may_come_back(tmp_path):
    site = Site(tmp_path)
    site.folder.rename(tmp_path / "away")
    await site.generations.look()
    assert site.what == ["policy_unusable"]
    assert (await site.decided()) == (site.first, True)
    (tmp_path / "away").rename(site.folder)
    await site.generations.look()
    assert site.generations.told() == ""
    assert (await site.decided()) == (site.first, True)


async def test_a_mended_folder_decides_and_nothing_is_told_of_it_any_more(tmp_path):
    site = Site(tmp_path)
    await site.change(BROKEN)
    await site.change(denying(READS[0].name))
    assert not (await site.decided())[1]
    assert site.generations.told() == ""
    assert not site.generations.standing.is_unusable
    assert site.what == ["policy_unusable", "policy_changed"]


async def test_what_cannot_be_seen_is_tried_again_though_nothing_changes(tmp_path, monkeypatch):
    site, loads = Site(tmp_path), []

    def failing(*args: Any, **named: Any) -> Bundle:
        loads.append(args)
        if len(loads) == 1:
            raise OSError(5, "a disk that stumbles")
        return load(*args, **named)

    monkeypatch.setattr(folder, "load", failing)
    monkeypatch.setattr(folder, "_RETRY_SECONDS", 0.0)
    await site.change(denying(READS[0].name))
    assert site.what == ["policy_unusable"]
    await site.generations.look()
    assert not (await site.decided())[1]


async def test_must_hold_a_valid_policy_that_refuses_everything_does_not_take_the_fleet_down(
    tmp_path,
):
    """The guard holds it, and says so."""
    site = Site(tmp_path)
    await site.traffic(3)
    with capture_logs() as logs:
        await site.change(EVERYTHING)
    await site.traffic()
    new = load(LIBRARY, site.folder).sha256
    alarm = (
        f"policy: {new[:12]} is held back: it would turn 60 of 60 recent decisions (60 newly "
        f"refused); confirm with `sidecar policy confirm {new[:12]} --config FILE`, or mend it"
    )
    assert site.generations.told() == f"{alarm}; {site.first[:12]} goes on deciding"
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [alarm]
    assert site.recorded == [
        {
            "what": "policy_held",
            "held_sha256": new,
            "judged": 60,
            "judged_what": "recent decisions",
            "newly_refused": 60,
            "newly_allowed": 0,
        }
    ]
    assert site.generations.standing.is_held
    assert site.generations.standing.reloads == {"live": 0, "held": 1, "unusable": 0}
    shadow = site.policy.candidate
    assert shadow is not None
    assert shadow.policy_sha256 == new


async def test_must_hold_nor_does_it_where_nobody_has_asked_for_anything_yet(tmp_path):
    site = Site(tmp_path)
    await site.change(EVERYTHING)
    assert "tools of the catalog" in site.generations.told()
    await site.traffic()


async def test_must_hold_nor_does_one_whose_rule_cannot_be_read(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    odd = 'deny contains {"tool": t, "code": 5} if {\n\tt := "x"\n}\n'
    await site.change({"mine.rego": f"package site.rules.access.mine\n\n{odd}"})
    assert site.generations.told()
    await site.traffic()


async def test_what_is_held_back_decides_once_it_is_confirmed_and_not_by_another_digest(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    await site.change(EVERYTHING)
    held = site.recorded[0]["held_sha256"]
    other = "0" * 12 if held[0] != "0" else "1" * 12
    for digits in ("", held[:11], other, held + "0", "\xff" * 12, f"{held[:12]} yes"):
        await site.change({"confirmed": digits.encode("latin-1")})
        assert await site.decided() == (site.first, True)
    await site.change({"confirmed": held[:12] + "\n"})
    assert await site.decided() == (held, False)
    assert site.what == ["policy_held", "policy_changed"]
    assert site.recorded[1]["is_confirmed"] is True
    assert site.generations.told() == ""
    assert site.policy.candidate is None


async def test_what_decided_before_may_decide_again_whatever_it_turns(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    await site.change(EVERYTHING)
    await site.change({"confirmed": site.recorded[0]["held_sha256"]})
    await site.change(NOTHING)
    assert await site.decided() == (site.first, True)
    assert [(e["what"], e.get("is_return")) for e in site.recorded] == [
        ("policy_held", None),
        ("policy_changed", False),
        ("policy_changed", True),
    ]


async def test_a_pipe_that_stands_in_the_place_of_a_confirmation_holds_up_nobody(tmp_path):
    site = Site(tmp_path)
    await site.change(EVERYTHING)
    held = site.policy.candidate
    assert held is not None
    os.mkfifo(site.folder / "confirmed")
    await asyncio.wait_for(site.generations.look(), 5)
    assert site.policy.candidate is held


async def test_what_was_confirmed_beforehand_decides_at_once(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    new = load(LIBRARY, put(tmp_path / "new", EVERYTHING)).sha256
    await site.change({**EVERYTHING, "confirmed": new})
    assert await site.decided() == (new, False)
    assert [(e["what"], e["newly_refused"]) for e in site.recorded] == [("policy_changed", 20)]


async def test_a_confirmation_lets_nothing_pass_but_the_policy_that_it_names(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    new = load(LIBRARY, put(tmp_path / "new", denying("*", "one_more"))).sha256
    await site.change({**EVERYTHING, "confirmed": new})
    assert await site.decided() == (site.first, True)


async def test_what_is_held_back_gives_way_to_what_turns_less(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    await site.change(EVERYTHING)
    await site.change(denying(READS[0].name))
    assert not (await site.decided())[1]
    assert (await site.decided(READS[1]))[1]
    assert site.generations.told() == ""
    assert site.policy.candidate is None
    assert site.what == ["policy_held", "policy_changed"]


async def test_what_is_held_back_is_withdrawn_when_the_folder_is_as_it_was(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    await site.change(EVERYTHING)
    await site.change(NOTHING)
    assert await site.decided() == (site.first, True)
    assert site.what == ["policy_held", "policy_withdrawn"]
    assert site.generations.told() == ""
    assert not site.generations.standing.is_held
    assert site.policy.candidate is None


async def test_a_held_policy_that_is_written_again_is_neither_judged_nor_told_again(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    await site.change(EVERYTHING)
    await site.change(EVERYTHING)
    assert site.what == ["policy_held"]


async def test_a_broken_folder_after_a_held_one_tells_of_the_newest_and_then_of_the_held(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    await site.change(EVERYTHING)
    await site.change(BROKEN)
    assert "not usable" in site.generations.told()
    await site.change(EVERYTHING)
    assert "held back" in site.generations.told()
    assert site.what == ["policy_held", "policy_unusable"]


async def test_what_cannot_be_recorded_does_not_decide_until_it_can(tmp_path):
    site = Site(tmp_path)
    await site.traffic()
    site.is_full = True
    for files in (BROKEN, EVERYTHING, denying(READS[0].name)):
        with pytest.raises(OrganDown):
            await site.change(files)
        assert (await site.decided()) == (site.first, True)
    site.is_full = False
    await site.generations.look()
    assert not (await site.decided())[1]
    assert site.what == ["policy_changed"]


async def test_half_of_a_folder_is_never_judged(tmp_path, monkeypatch):
    site = Site(tmp_path)
    loaded: list[str] = []
    late = {
        "late.rego": f'package site.rules.access.late\n\ndeny contains {{"tool": "*", {DENIAL}}}'
    }

    def slow(*args: Any, **named: Any) -> Bundle:
        bundle = load(*args, **named)
        if not loaded:
            put(site.folder, late)
        loaded.append(bundle.sha256)
        return bundle

    monkeypatch.setattr(folder, "load", slow)
    await site.change(denying(READS[0].name))
    assert await site.decided() == (site.first, True)
    assert site.recorded == []
    await site.generations.look()
    assert len(loaded) == 2
    assert site.recorded[0]["held_sha256"] == loaded[1]


async def test_a_folder_that_is_being_written_is_left_until_it_rests(tmp_path, monkeypatch):
    site, numbers = Site(tmp_path), iter(range(1000))
    look = folder._look

    def busy(path: Path) -> Any:
        put(path, {"notes.txt": "x" * next(numbers)})
        return look(path)

    monkeypatch.setattr(folder, "_look", busy)
    with capture_logs() as logs:
        await site.change(denying(READS[0].name))
    assert [line["log_level"] for line in logs] == ["warning"]
    assert await site.decided() == (site.first, True)
    monkeypatch.setattr(folder, "_look", look)
    await site.generations.look()
    assert not (await site.decided())[1]


async def test_a_config_map_that_is_swapped_is_read_in_its_newest_generation(tmp_path):
    mount = tmp_path / "mount"
    put(mount / "..1", denying(READS[0].name))
    put(mount / "..2", denying(READS[1].name))
    (mount / "..data").symlink_to("..1")
    (mount / "mine.rego").symlink_to("..data/mine.rego")
    site = Site(tmp_path, source=Folder(LIBRARY, mount, rest=0.001))
    await site.generations.look()
    assert not (await site.decided(READS[0]))[1]
    (mount / "..new").symlink_to("..2")
    (mount / "..new").rename(mount / "..data")
    await site.generations.look()
    assert (await site.decided(READS[0]))[1]
    assert not (await site.decided(READS[1]))[1]


async def test_a_rewrite_of_the_same_length_within_a_moment_is_noticed(tmp_path):
    site = Site(tmp_path, denying(READS[0].name), guard_share=1.0)
    a, b = "get_things_a", "get_things_b"
    await site.change(denying(a))
    await site.change(denying(b))
    assert site.what == ["policy_changed"] * 2


async def test_links_that_lead_in_a_circle_and_nowhere_end_the_look(tmp_path):
    site = Site(tmp_path)
    (site.folder / "circle").symlink_to(site.folder)
    (site.folder / "nowhere.rego").symlink_to("gone.rego")
    await site.generations.look()
    assert site.what == ["policy_unusable"]


async def test_what_else_a_policy_must_pass_keeps_it_from_deciding(tmp_path):
    def check(_: Bundle) -> None:
        raise ConfigError([Problem("redaction.pseudonym_keys", "is not set")])

    site = Site(tmp_path, check=check)
    await site.change(denying(READS[0].name))
    assert await site.decided() == (site.first, True)
    assert site.recorded[0]["places"] == ["redaction.pseudonym_keys"]


async def test_a_candidate_of_its_own_comes_with_each_policy_that_decides(tmp_path):
    made: list[Engine] = []

    def shadow(bundle: Bundle) -> Engine:
        made.append(Embedded(bundle, is_tried=True))
        return made[-1]

    site = Site(tmp_path, shadow=shadow)
    await site.traffic()
    await site.change(denying(READS[0].name))
    assert site.policy.candidate is made[-1]
    await site.change(EVERYTHING)
    assert site.policy.candidate is not made[-1]
    await site.change(denying(READS[0].name))
    assert site.policy.candidate is made[-1]


async def test_policies_that_failed_in_a_thread_leave_no_engine_behind(tmp_path):
    gc.collect()
    before, site = len(embedded._ABANDONED), Site(tmp_path)
    for number in range(5):
        deny = f'deny contains {{"tool": unsafe_{number}, {DENIAL}}}'
        await site.change({"mine.rego": f"package site.rules.access.mine\n\n{deny}\n"})
        gc.collect()
    assert site.what == ["policy_unusable"] * 5
    assert len(embedded._ABANDONED) == before


class Odd:
    """A source that stumbles, then gives nothing, and rings when it is asked a third time."""

    def __init__(self) -> None:
        self.asked = 0
        self.third = asyncio.Event()

    async def changed(self) -> Bundle | None:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("odd")
        if self.asked == 3:
            self.third.set()
        return None


async def test_a_source_that_stumbles_is_told_and_asked_again(tmp_path):
    source = Odd()
    site = Site(tmp_path, source=source)
    with capture_logs() as logs:
        task = asyncio.create_task(site.generations.run(0.001))
        async with asyncio.timeout(5):
            await source.third.wait()
        task.cancel()
    assert [line["log_level"] for line in logs] == ["error"]
    assert "not usable" in site.generations.told()
    assert await site.decided() == (site.first, True)


async def test_a_log_that_cannot_be_written_is_told_and_the_policy_waits(tmp_path, monkeypatch):
    site, rung = Site(tmp_path), asyncio.Event()
    site.is_full = True
    put(site.folder, denying(READS[0].name))
    adopt = site.policy.adopt

    def adopted(*engines: Any) -> None:
        adopt(*engines)
        rung.set()

    monkeypatch.setattr(site.policy, "adopt", adopted)
    with capture_logs() as logs:
        task = asyncio.create_task(site.generations.run(0.001))
        async with asyncio.timeout(5):
            await site.refused.wait()
            site.is_full = False
            await rung.wait()
        task.cancel()
    assert logs[0]["log_level"] == "warning"
    assert not (await site.decided())[1]


async def test_since_when_a_policy_decides_is_told(tmp_path):
    site = Site(tmp_path)
    before = site.generations.standing.since
    await site.change(denying(READS[0].name))
    assert timedelta(0) < site.generations.standing.since - before < timedelta(minutes=1)


def test_a_change_is_live_within_three_seconds_of_a_machine_that_has_time():
    look, rest = settings.Policy().reload_seconds, 0.25
    assert look + 2 * rest + guard.BUDGET <= 2.5


async def test_a_list_is_told_by_the_policy_that_filtered_it_though_another_was_asked(tmp_path):
    shown, hidden = READS[0].name, READS[1].name
    site = put(tmp_path / "site", denying(hidden))
    newer = Embedded(load(LIBRARY, site), is_tried=True)
    async with flow(tmp_path) as f:

        async def swapped(*_: Any) -> Any:
            f.road._organs.policy.adopt(newer)
            return tool_list(shown, hidden)

        f.backend.reply = swapped
        answer = await f.ask(ask("tools/list"))
        assert [tool["name"] for tool in answer.json()["result"]["tools"]] == [shown]
        assert f.outcome["decision"]["hidden_tools"] == [hidden]
        assert f.outcome["decision"]["policy_sha256"] == newer.policy_sha256


RENEWED = """\
policy:
  site_folder: FOLDER/site
  reload_seconds: 0.01
"""


@asynccontextmanager
async def opened(
    root: Path, files: Mapping[str, str | bytes], more: str = ""
) -> AsyncIterator[tuple[Any, Any]]:
    """A whole sidecar with a site's folder, and what waits for an event of a kind."""
    secret = root / "secret"
    secret.touch(mode=0o600)
    secret.write_text("a-secret-of-at-least-32-bytes-for-tests")
    put(root / "site", files)
    config = settings.load(written(root, GOOD + RENEWED + more))
    async with app.opened(config, app.check(config)) as running:
        record = running.trail.writer.record
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def recorded(event: Event, **named: Any) -> None:
            await record(event, **named)
            told.put_nowait(event.data)

        running.trail.writer.record = recorded  # type: ignore[method-assign]  # the real one, and a bell
        yield running, told
    for line in (root / "audit" / "audit.jsonl").read_bytes().splitlines():
        VALIDATOR.validate(orjson.loads(line))


async def test_a_whole_sidecar_takes_up_holds_back_and_refuses_and_its_events_are_as_published(
    tmp_path,
):
    site = tmp_path / "site"
    mask = '"tool": "*", "entity": "EMAIL", "action": "pseudonym", "code": "c"'
    async with asyncio.timeout(30), opened(tmp_path, NOTHING) as (running, told):
        put(site, denying("another_tool"))
        assert (await told.get())["what"] == "policy_changed"
        put(site, EVERYTHING)
        held = await told.get()
        assert held["what"] == "policy_held"
        assert running.renewal.told()
        put(site, {"confirmed": held["held_sha256"]})
        assert (await told.get())["is_confirmed"] is True
        assert running.metrics.text().count(held["held_sha256"].encode()) == 1
        put(site, {"masks.rego": f"package site.rules.masks.mine\n\nmask contains {{{mask}}}\n"})
        refused = await told.get()
        assert refused["what"] == "policy_unusable"
        assert refused["places"] == ["redaction.pseudonym_keys"]
        (site / "masks.rego").unlink()
        put(site, NOTHING)
        withdrawn = await told.get()
        assert withdrawn["what"] == "policy_held"
        put(site, EVERYTHING)
        assert (await told.get())["what"] == "policy_withdrawn"


async def test_what_a_rule_names_and_the_catalog_has_not_is_logged_at_start_and_for_each_change(
    tmp_path,
):
    def naming(tool: str) -> dict[str, str | bytes]:
        head = f'deny contains {{"tool": tool.name, {DENIAL}}} if {{'
        body = f'\tsome tool in input.tools\n\ttool.name == "{tool}"'
        return {"mine.rego": f"package site.rules.access.mine\n\n{head}\n{body}\n}}\n"}

    with capture_logs() as logs:
        async with asyncio.timeout(30), opened(tmp_path, naming("gone_tool")) as (_, told):
            put(tmp_path / "site", naming("lost_tool"))
            assert (await told.get())["what"] == "policy_changed"
    named = [line["what"] for line in logs if "catalog has not" in line["event"]]
    assert [what.rpartition(" ")[2] for what in named] == ["gone_tool", "lost_tool"]
