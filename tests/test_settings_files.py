"""Files that rotate under a running sidecar: the present value, or the last one that was good."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from settings_parts import CANARY, GOOD, told, written
from structlog.testing import capture_logs

from sidecar.errors import ConfigError
from sidecar.settings import Rotating, files, secret, token_in, url_in


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


def replace(file: Path, text: str, mode: int = 0o600) -> None:
    """As a careful tool does it: whole, under another name, then renamed."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.chmod(mode)
    new.rename(file)


def test_a_file_that_changes_is_read_again_and_one_that_does_not_is_not(file):
    read: list[Path] = []

    def reading(path: Path) -> str:
        read.append(path)
        return secret(path)

    rotating = Rotating(reading, file)
    assert [rotating.value, rotating.value] == ["first", "first"]
    assert len(read) == 1
    replace(file, "other\n")
    assert [rotating.value, rotating.value] == ["other", "other"]
    file.write_text("in place")
    assert rotating.value == "in place"
    assert len(read) == 3


def test_a_link_that_is_turned_as_kubernetes_does_it_is_followed(tmp_path):
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"token {name}")
    data = tmp_path / "..data"
    data.symlink_to("1")
    (tmp_path / "token").symlink_to("..data/token")
    rotating = Rotating(secret, tmp_path / "token")
    assert rotating.value == "token 1"
    (tmp_path / "..data_tmp").symlink_to("2")
    (tmp_path / "..data_tmp").rename(data)
    assert rotating.value == "token 2"


def test_of_several_files_each_one_counts(tmp_path, file):
    other = tmp_path / "other"
    other.write_text("x")
    rotating = Rotating(lambda *paths: [secret(path) for path in paths], file, other)
    replace(other, "y")
    assert rotating.value == ["first", "y"]


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda file: file.unlink(), "cannot be read"),
        (lambda file: replace(file, ""), "is empty"),
        (lambda file: file.write_bytes(b"\xff" + CANARY.encode()), "is not UTF-8"),
        (lambda file: replace(file, f"{CANARY}\nx"), "holds a line break"),
        (lambda file: replace(file, CANARY, 0o666), "can be written by everybody"),
    ],
)
def test_a_file_that_became_unusable_leaves_the_last_good_value_and_is_told_once(file, spoil, what):
    rotating = Rotating(token_in, file)
    with capture_logs() as lines:
        spoil(file)
        assert [rotating.value for _ in range(5)] == ["first"] * 5
        (line,) = lines
        assert line["log_level"] == "warning"
        assert line["problems"][0].startswith(f"{file}: {what}")
        assert CANARY not in str(lines)
        replace(file, "good again")
        assert rotating.value == "good again"
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert "good again" not in str(lines)


def test_a_file_that_could_not_be_read_for_a_moment_is_tried_again_without_a_second_word(
    file, monkeypatch
):
    monkeypatch.setattr(files, "RETRY_SECONDS", 0.0)
    broken = [True]

    def reading(path: Path) -> str:
        return secret(path.with_name("elsewhere") if broken[0] else path)

    broken[0] = False
    rotating = Rotating(reading, file)
    broken[0] = True
    replace(file, "second")
    with capture_logs() as lines:
        assert [rotating.value, rotating.value] == ["first", "first"]
        broken[0] = False
        assert rotating.value == "second"
    assert [line["log_level"] for line in lines] == ["warning", "info"]


def test_a_file_that_is_unusable_from_the_start_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        Rotating(secret, tmp_path / "none")


def test_looking_costs_microseconds(file):
    """A hundred thousand looks in under five seconds, on a machine that does other things too."""
    rotating = Rotating(secret, file)
    before = os.times().user + os.times().system
    for _ in range(100_000):
        rotating.value  # noqa: B018 - the look is the point
    assert os.times().user + os.times().system - before < 5


@pytest.mark.parametrize("text", [f"a b{CANARY}", f"https://u:{CANARY}@host/", "", "ftp://x/"])
def test_a_file_that_holds_no_usable_url_is_told_without_its_content(file, text):
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        url_in(file)
    assert CANARY not in str(caught.value)


def test_a_bearer_token_that_no_header_can_hold_is_a_problem_at_start(tmp_path):
    (tmp_path / "secret").write_text("s" * 40)
    (tmp_path / "token").write_text("two\nlines")
    text = GOOD.replace("backend:\n", "backend:\n  bearer_token_file: FOLDER/token\n")
    found = told(written(tmp_path, text))
    assert found["sidecar.yaml:2 backend.bearer_token_file"].startswith("holds a line break")
