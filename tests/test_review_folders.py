"""A folder of policies to a bundle, whichever kind of folder it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from review_parts import site

from sidecar.errors import ConfigError
from sidecar.review import folders
from sidecar.settings import shipped


def test_a_sites_folder_is_read_beside_the_shipped_library(tmp_path):
    made = folders.bundle(site(tmp_path / "site", access_mine="tool.known"))
    assert [rule.name for rule in made.site_rules] == ["access.mine"]
    assert any("sidecar/main" in path for path, _ in made.modules)


def test_a_whole_folder_is_read_alone(tmp_path):
    shutil.copytree(shipped("policies"), tmp_path / "whole")
    made = folders.bundle(tmp_path / "whole")
    assert all(path.startswith(str(tmp_path)) for path, _ in made.modules)


def test_the_word_library_is_the_shipped_library_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert folders.bundle(Path("library")).sha256 == folders.bundle(None).sha256
    site(tmp_path / "library", access_mine="tool.known")
    assert folders.bundle(Path("library")).sha256 != folders.bundle(None).sha256


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        folders.bundle(tmp_path / "nowhere")
