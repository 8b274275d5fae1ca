"""The commands for one person: what they refuse, ask for and keep before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sidecar.cli import cli
from sidecar.local import Folder, Gladly
from sidecar.local import up as program

pytestmark = pytest.mark.thorough

RUN = CliRunner()
HERE = ("https://a.gladly.com", "a@b.example")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Gladly | None, str]]:
    """Whose Gladly `up` would have begun with, and with which token; nothing is started."""
    seen: list[tuple[Gladly | None, str]] = []

    async def up(folder: Folder, *_: object) -> None:
        gladly = folder.gladly()
        seen.append((gladly, gladly.token_file.read_text().strip() if gladly else ""))

    monkeypatch.setattr(program, "up", up)
    # A folder is taken until the process ends, and here one process runs `up` again and again.
    monkeypatch.setattr(Folder, "take", lambda *_: True)
    return seen


def up(folder: Path, url: str, email: str, *more: str, typed: str = "") -> Result:
    words = ["up", "--folder", str(folder), "--url", url, "--email", email, *more]
    return RUN.invoke(cli, words, input=typed)


def test_a_token_that_was_typed_in_is_used_again_for_the_same_gladly(tmp_path, started):
    assert up(tmp_path, *HERE, typed="one\n").exit_code == 0
    assert up(tmp_path, *HERE).exit_code == 0
    assert [token for _, token in started] == ["one", "one"]


@pytest.mark.parametrize(
    ("url", "email"),
    [
        ("https://b.example", HERE[1]),
        ("https://a.gladly.com:8443", HERE[1]),
        (HERE[0], "other@b.example"),
    ],
)
def test_a_token_is_asked_for_again_for_another_gladly_or_user(tmp_path, started, url, email):
    assert up(tmp_path, *HERE, typed="one\n").exit_code == 0
    refused = up(tmp_path, url, email)
    assert refused.exit_code == 1
    assert f"Gladly API token of {email} at {url}" in refused.output
    assert up(tmp_path, *HERE).exit_code == 0
    assert up(tmp_path, url, email, typed="two\n").exit_code == 0
    assert [token for _, token in started] == ["one", "one", "two"]
    assert up(tmp_path, *HERE).exit_code == 1


def test_a_token_that_was_typed_in_is_not_for_whom_a_file_was_named(tmp_path, started):
    assert up(tmp_path, *HERE, typed="one\n").exit_code == 0
    (tmp_path / "file").write_text("two")
    elsewhere = ("https://b.example", HERE[1])
    assert up(tmp_path, *elsewhere, "--token-file", str(tmp_path / "file")).exit_code == 0
    assert up(tmp_path, *elsewhere).exit_code == 1
    assert [token for _, token in started] == ["one", "two"]


@pytest.mark.parametrize("url", ["http://a.gladly.com", "http://10.0.0.1:8080", "HTTP://b.example"])
def test_a_token_crosses_no_network_in_the_clear(tmp_path, started, url):
    refused = up(tmp_path, url, HERE[1], typed="one\n")
    assert refused.exit_code == 2
    assert "https" in refused.output
    assert started == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"])
def test_a_gladly_on_this_machine_may_be_reached_in_the_clear(tmp_path, started, url):
    assert up(tmp_path, url, HERE[1], typed="one\n").exit_code == 0
    assert len(started) == 1


@pytest.mark.parametrize("url", ["http://[::1", "http://a.example:99999", "ftp://a.example", "a"])
def test_the_doctor_visits_nothing_that_is_no_url(url):
    refused = RUN.invoke(cli, ["doctor", "--url", url])
    assert refused.exit_code == 2
    assert "write an absolute http or https URL" in refused.output
