"""`sidecar policy confirm`: exactly what somebody looked at may decide, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import Ran, sidecar
from engine_parts import put
from settings_parts import GOOD, written

from sidecar.policy import load
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

RULE = 'package site.rules.access.mine\n\ndeny contains {"tool": "*", "code": "access.mine", '
RULES: dict[str, str | bytes] = {"mine.rego": f'{RULE}"message": "m", "remedy": "r"}}\n'}


def confirm(folder: Path, digest: str, text: str = "policy: {site_folder: FOLDER/site}\n") -> Ran:
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text("s" * 48)
    return sidecar("policy", "confirm", digest, "--config", written(folder, GOOD + text))


def test_what_lies_in_the_folder_is_confirmed_by_the_digits_of_the_alarm(tmp_path):
    site = put(tmp_path / "site", RULES)
    sha256 = load(shipped("policies"), site).sha256
    ran = confirm(tmp_path, sha256[:12].upper())
    assert ran.code == 0
    assert ran.out == f"confirmed: {sha256} (in {site / 'confirmed'})\n"
    assert (site / "confirmed").read_text() == f"{sha256}\n"
    assert {path.name for path in site.iterdir()} == {"mine.rego", "confirmed"}
    assert load(shipped("policies"), site).sha256 == sha256


def test_what_is_not_there_any_more_is_not_confirmed(tmp_path):
    site = put(tmp_path / "site", RULES)
    sha256 = load(shipped("policies"), site).sha256
    put(site, {"data.yaml": "site: {config: {destructive_roles: [lead]}}\n"})
    ran = confirm(tmp_path, sha256[:12])
    assert ran.code == 2
    assert "is not what lies in the folder now" in ran.err
    assert not (site / "confirmed").exists()


def test_too_few_digits_confirm_nothing(tmp_path):
    site = put(tmp_path / "site", RULES)
    ran = confirm(tmp_path, load(shipped("policies"), site).sha256[:11])
    assert ran.code == 2
    assert "has less than 12 digits" in ran.err
    assert not (site / "confirmed").exists()


def test_without_a_folder_of_ones_own_there_is_nothing_to_confirm(tmp_path):
    ran = confirm(tmp_path, "0" * 12, "")
    assert ran.code == 2
    assert "policy.site_folder: is not set" in ran.err


def test_a_folder_that_cannot_be_used_is_told_and_not_confirmed(tmp_path):
    put(tmp_path / "site", {"mine.rego": "package site.rules.access.mine\n\ndeny"})
    ran = confirm(tmp_path, "0" * 12)
    assert ran.code == 2
    assert "mine.rego:3" in ran.err
