"""A folder on trial that changes while serving: taken up beside what decides, without effect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from engine_parts import put
from structlog.testing import capture_logs
from test_policy_generation import BROKEN, EVERYTHING, LIBRARY, NOTHING, Odd, denying, opened

from sidecar.errors import ConfigError, OrganDown, Problem
from sidecar.policy import Bundle, Candidate, Embedded, Folder, Policy, load

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]


class Beside:
    """A folder on trial, what decides beside it, and what was recorded."""

    def __init__(self, root: Path, **named: Any) -> None:
        self.folder = put(root / "next", denying("a_tool"))
        bundle = load(LIBRARY, self.folder)
        self.first = bundle.sha256
        self.live = Embedded(load(LIBRARY, None), is_tried=True)
        engine = Embedded(bundle, is_tried=True)
        self.policy = Policy(self.live, 5.0, engine)
        self.recorded: list[dict[str, Any]] = []
        self.is_full = False
        self.refused = asyncio.Event()
        self.candidate = Candidate(
            self.policy,
            engine,
            named.pop("source", None) or Folder(LIBRARY, self.folder, rest=0.001),
            self._record,
            **named,
        )

    async def _record(self, what: str, said: dict[str, Any]) -> None:
        if self.is_full:
            self.refused.set()
            raise OrganDown("full", reason="audit_full")
        self.recorded.append({"what": what, **said})

    async def change(self, files: Mapping[str, str | bytes]) -> str:
        """Write files, and look; gives the digest of what is on trial then."""
        put(self.folder, files)
        await self.candidate.look()
        return self.on_trial

    @property
    def on_trial(self) -> str:
        assert self.policy.candidate is not None
        return self.policy.candidate.policy_sha256


async def test_a_folder_on_trial_that_changes_is_judged_next_and_what_decides_is_not_touched(
    tmp_path,
):
    beside = Beside(tmp_path)
    await beside.candidate.look()
    assert beside.on_trial == beside.first
    sha256 = await beside.change(denying("*"))
    assert sha256 == load(LIBRARY, beside.folder).sha256 != beside.first
    assert beside.policy.engine is beside.live
    assert beside.recorded == [
        {
            "what": "candidate_changed",
            "candidate_sha256": sha256,
            "candidate_sha256_before": beside.first,
        }
    ]
    assert beside.candidate.told() == ""


async def test_a_folder_on_trial_that_breaks_leaves_the_last_good_one_there_and_is_told(tmp_path):
    beside = Beside(tmp_path)
    with capture_logs() as logs:
        assert await beside.change(BROKEN) == beside.first
        await beside.candidate.look()
    (told,) = [line for line in logs if line["log_level"] == "error"]
    assert "mine.rego:3" in told["problems"][0]
    assert beside.candidate.told() == (
        "policy on trial: the newest is not usable: 1 problem, which the log names; "
        f"{beside.first[:12]} stays on trial"
    )
    assert await beside.change(denying("a_tool")) == beside.first
    assert beside.candidate.told() == ""
    assert beside.recorded == []


async def test_a_candidate_that_redaction_could_not_serve_does_not_come_on_trial(tmp_path):
    def check(_: Bundle) -> None:
        raise ConfigError([Problem("redaction.pseudonym_keys", "is not set")])

    beside = Beside(tmp_path, check=check)
    assert await beside.change(denying("*")) == beside.first
    assert "1 problem" in beside.candidate.told()


async def test_a_candidate_waits_while_a_policy_that_is_held_back_is_in_shadow(tmp_path):
    beside = Beside(tmp_path)
    held = Embedded(load(LIBRARY, put(tmp_path / "held", denying("*", "held"))), is_tried=True)
    beside.policy.adopt(beside.live, held)
    assert await beside.change(denying("*")) == held.policy_sha256
    assert beside.candidate.engine.policy_sha256 == load(LIBRARY, beside.folder).sha256


async def test_a_candidate_that_cannot_be_recorded_waits_until_it_can(tmp_path, monkeypatch):
    beside = Beside(tmp_path)
    beside.is_full = True
    put(beside.folder, denying("*"))
    rung = asyncio.Event()
    adopt = beside.policy.adopt

    def adopted(*engines: Any) -> None:
        adopt(*engines)
        rung.set()

    monkeypatch.setattr(beside.policy, "adopt", adopted)
    with capture_logs() as logs:
        task = asyncio.create_task(beside.candidate.run(0.001))
        async with asyncio.timeout(5):
            await beside.refused.wait()
            assert beside.on_trial == beside.first
            beside.is_full = False
            await rung.wait()
        task.cancel()
    assert logs[0]["log_level"] == "warning"
    assert beside.on_trial != beside.first


async def test_a_source_of_candidates_that_stumbles_is_told_and_asked_again(tmp_path):
    source = Odd()
    beside = Beside(tmp_path, source=source)
    with capture_logs() as logs:
        task = asyncio.create_task(beside.candidate.run(0.001))
        async with asyncio.timeout(5):
            await source.third.wait()
        task.cancel()
    assert [line["log_level"] for line in logs] == ["error"]
    assert "not usable" in beside.candidate.told()
    assert beside.on_trial == beside.first


async def test_a_whole_sidecar_takes_up_a_newer_candidate_and_keeps_it_through_a_newer_policy(
    tmp_path,
):
    """Whatever it was when the policy came: the newest on trial is beside what decides."""
    put(tmp_path / "next", denying("a_tool"))
    more = "  candidate_folder: FOLDER/next\n"
    async with asyncio.timeout(30), opened(tmp_path, NOTHING, more) as (running, told):
        policy = running.road._organs.policy
        put(tmp_path / "next", denying("*"))
        changed = await told.get()
        assert changed["what"] == "candidate_changed"
        assert changed["candidate_sha256_before"] != changed["candidate_sha256"]
        put(tmp_path / "site", denying("another_tool"))
        assert (await told.get())["what"] == "policy_changed"
        assert policy.candidate.policy_sha256 == changed["candidate_sha256"]
        put(tmp_path / "site", EVERYTHING)
        assert (await told.get())["what"] == "policy_held"
        put(tmp_path / "next", denying("a_tool"))
        back = await told.get()
        assert back["candidate_sha256"] == changed["candidate_sha256_before"]
        put(tmp_path / "site", denying("another_tool"))
        assert (await told.get())["what"] == "policy_withdrawn"
        assert policy.candidate.policy_sha256 == back["candidate_sha256"]
        put(tmp_path / "next", BROKEN)
        put(tmp_path / "site", BROKEN)
        assert (await told.get())["what"] == "policy_unusable"
        while "policy on trial: the newest is not usable" not in running.renewal.told():
            await asyncio.to_thread(tuple)
        assert running.renewal.told().count("\n") == 1
