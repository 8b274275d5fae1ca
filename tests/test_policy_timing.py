"""What a policy takes for the largest that it may be asked: told before it decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import sidecar
from engine_parts import put
from flow import BUNDLE, CATALOG
from rego_parts import RULE_FILES
from settings_parts import GOOD, written
from structlog.testing import capture_logs

from sidecar import renewal
from sidecar.errors import ConfigError
from sidecar.model import Finding, JsonObject
from sidecar.policy import bounds, load, timing
from sidecar.policy.timing import Stopwatch
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

LIBRARY = shipped("policies")
FOREVER = float("inf")


def limited(monkeypatch: pytest.MonkeyPatch, budget: float, most: float = FOREVER) -> None:
    monkeypatch.setattr(timing, "BUDGET", budget)
    monkeypatch.setattr(timing, "MOST", most)


def shapes(part: int = 1) -> dict[str, JsonObject]:
    return dict(timing._shapes(part))


def test_the_largest_that_is_asked_lies_within_the_bounds_and_next_to_them():
    calls = [document for document in shapes().values() if "arguments" in document]
    for document in calls:
        findings = [Finding(**found) for found in document["findings"]]
        assert bounds.excess(document["arguments"], findings) == ""
    values = max(document["arguments"].get("records", []) for document in calls)
    assert len(values) * 3 > 0.99 * bounds.MAX_VALUES
    text = max(document["arguments"].get("text", "") for document in calls)
    assert len(text) > 0.99 * bounds.MAX_BYTES
    assert max(len(document["findings"]) for document in calls) == bounds.MAX_FINDINGS
    assert max(len(document["tools"]) for document in shapes().values()) == timing.LIST


def test_a_policy_within_the_budget_is_told_of_nowhere(monkeypatch):
    limited(monkeypatch, FOREVER)
    assert timing.slow(BUNDLE) is None
    assert load(LIBRARY, is_timed=True).slow == ()


def test_a_policy_over_the_budget_is_warned_of_and_serves(monkeypatch):
    limited(monkeypatch, 0.0)
    monkeypatch.setattr(timing, "_PARTS", (1,))
    (problem,) = load(LIBRARY, is_timed=True).slow
    assert "s of processor time for" in problem.what
    assert problem.remedy
    assert load(LIBRARY).slow == ()


def test_a_policy_that_takes_far_too_long_is_refused(monkeypatch):
    limited(monkeypatch, 0.0, 0.0)
    monkeypatch.setattr(timing, "_PARTS", (1,))
    with pytest.raises(ConfigError, match="processor time"):
        load(LIBRARY, is_timed=True)


def test_what_is_too_slow_for_a_part_is_refused_before_the_whole_is_tried(monkeypatch):
    asked: list[int] = []

    def seconds(self: Stopwatch, document: JsonObject, enough: float) -> float:
        asked.append(len(document["tools"]))
        return 1.0

    monkeypatch.setattr(Stopwatch, "seconds", seconds)
    found = timing.slow(BUNDLE)
    assert found is not None
    assert found.is_refused
    assert max(asked) == timing.LIST // 25


def test_the_better_of_two_counts_and_what_is_quick_is_asked_once(monkeypatch):
    taken = iter([9.0, 0.2, 0.3, 7.0])
    watch = Stopwatch(BUNDLE)
    monkeypatch.setattr(watch, "_asked", lambda _: next(taken))
    document: JsonObject = {"version": 1, "tools": []}
    assert watch.seconds(document, enough=0.5) == 0.2
    assert watch.seconds(document, enough=0.5) == 0.3
    assert next(taken) == 7.0


def test_the_call_that_is_timed_reaches_the_rules_that_walk_arguments():
    """Its tool bears the tags by which the library's rules look at arguments."""
    walking = [path.read_text() for path in RULE_FILES if "walk(" in path.read_text()]
    assert walking
    tags = {tag for document in shapes().values() for tag in document["tools"][0]["tags"]}
    assert "webhooks" in tags


# ---- who is told


def test_a_slow_policy_is_logged_loudly_when_it_comes(monkeypatch):
    limited(monkeypatch, 0.0)
    monkeypatch.setattr(timing, "_PARTS", (1,))
    with capture_logs() as logs:
        renewal.warn(CATALOG, load(LIBRARY, is_timed=True))
    (line,) = logs
    assert (line["log_level"], line["event"]) == ("error", "the policy is slow")
    assert "processor time" in line["what"]


@pytest.mark.thorough
def test_both_checks_warn_of_a_slow_policy_and_refuse_one_that_is_far_too_slow(
    monkeypatch, tmp_path: Path
):
    config = written(tmp_path, GOOD)
    (secret := tmp_path / "secret").touch(mode=0o600)
    secret.write_text("a-secret-of-at-least-32-bytes-for-tests")
    folder = put(tmp_path / "site", {"data.yaml": "site: {config: {customers_per_hour: 3}}\n"})
    commands = (("check", "--config", config), ("policy", "check", folder))
    monkeypatch.setattr(timing, "_PARTS", (1,))
    limited(monkeypatch, 0.0)
    for words in commands:
        ran = sidecar(*words)
        assert (ran.code, "processor time" in ran.err) == (0, True), ran
    limited(monkeypatch, 0.0, 0.0)
    for words in commands:
        ran = sidecar(*words)
        assert (ran.code != 0, "processor time" in ran.err) == (True, True), ran
