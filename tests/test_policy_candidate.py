"""A whole folder on trial: checked as if it were to decide, and put beside what decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import sidecar
from engine_parts import put
from settings_parts import GOOD, written
from test_policy_shadow import HOURS

from sidecar import app, renewal, settings
from sidecar.errors import ConfigError
from sidecar.policy import load
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

SHADOWED = "site: {config: {shadow_rules: [access.hours]}}\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings with a site and a candidate folder."""
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "secret").chmod(0o600)
    put(tmp_path, {"site/data.yaml": "site: {config: {bulk_roles: [lead]}}\n"})
    put(tmp_path, {"next/hours.rego": HOURS})
    more = "policy: {site_folder: FOLDER/site, candidate_folder: FOLDER/next}\n"
    return written(tmp_path, GOOD + more)


def test_a_candidate_folder_is_read_in_the_place_of_the_sites(config):
    parts = app.check(settings.load(config))
    assert [rule.name for rule in parts.bundle.site_rules] == []
    assert parts.candidate is not None
    assert [rule.name for rule in parts.candidate.site_rules] == ["access.hours"]
    assert "site" not in parts.candidate.data


def test_it_becomes_the_policy_as_it_is_when_it_is_named_as_the_sites(config, tmp_path):
    candidate = app.check(settings.load(config)).candidate
    assert candidate is not None
    promoted = written(tmp_path, f"{GOOD}policy: {{site_folder: FOLDER/next}}\n")
    parts = app.check(settings.load(promoted))
    assert parts.bundle.sha256 == candidate.sha256
    assert parts.candidate is None


def test_rules_in_shadow_wait_while_a_folder_is_on_trial(config, tmp_path):
    put(tmp_path, {"site/hours.rego": HOURS, "site/data.yaml": SHADOWED})
    with_folder = app.check(settings.load(config)).candidate
    alone = written(tmp_path, f"{GOOD}policy: {{site_folder: FOLDER/site}}\n")
    without = app.check(settings.load(alone)).candidate
    assert with_folder is not None
    assert without is not None
    assert "site" not in with_folder.data
    assert without.data["site"]["config"]["shadow_rules"] == []


def test_a_broken_candidate_starts_nothing_and_is_told_with_file_and_line(config, tmp_path):
    put(tmp_path, {"next/hours.rego": HOURS.replace("deny", "dney", 1)})
    with pytest.raises(ConfigError) as caught:
        app.check(settings.load(config))
    (problem,) = caught.value.problems
    assert problem.where == f"{tmp_path}/next/hours.rego:5"
    assert "dney" in problem.what


def test_a_candidate_that_asks_for_pseudonyms_needs_their_keys(config, tmp_path):
    put(tmp_path, {"next/data.yaml": "site: {config: {masks: {EMAIL: pseudonym}}}\n"})
    with pytest.raises(ConfigError, match="pseudonym_keys"):
        app.check(settings.load(config))


def test_check_says_what_is_in_shadow_and_warns_of_its_names_too(config, tmp_path):
    odd = HOURS.replace('tool.method == "list"', 'tool.name == "list_all_gladly_taks"')
    put(tmp_path, {"next/hours.rego": odd})
    ran = sidecar("check", "-c", config)
    assert ran.code == 0
    assert f"in shadow: ok, {tmp_path}/next, sha256 " in ran.out
    assert "has no tool list_all_gladly_taks" in ran.err
    put(tmp_path, {"site/hours.rego": HOURS, "site/data.yaml": SHADOWED})
    alone = written(tmp_path, f"{GOOD}policy: {{site_folder: FOLDER/site}}\n")
    assert "in shadow: ok, rules access.hours, sha256 " in sidecar("check", "-c", alone).out


def test_check_warns_of_rules_of_the_library_that_are_in_shadow(config, tmp_path):
    put(tmp_path, {"site/data.yaml": "site: {config: {shadow_rules: [access.bulk]}}\n"})
    alone = written(tmp_path, f"{GOOD}policy: {{site_folder: FOLDER/site}}\n")
    ran = sidecar("check", "-c", alone)
    assert ran.code == 0
    assert "library are in shadow and refuse or mask nothing: access.bulk" in ran.err
    put(tmp_path, {"site/hours.rego": HOURS, "site/data.yaml": SHADOWED})
    assert "of the library" not in sidecar("check", "-c", alone).err


def test_a_sidecar_warns_of_them_wherever_a_policy_is_taken_up(tmp_path, capsys):
    site = put(tmp_path / "s", {"data.yaml": "site: {config: {shadow_rules: [masks.default]}}\n"})
    renewal.warn_unguarded(load(shipped("policies"), site))
    assert "masks.default" in capsys.readouterr().out
