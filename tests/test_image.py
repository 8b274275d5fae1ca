"""The image: its Dockerfile, its locked packages, and the wheel that goes into it."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tools

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "helm" / "image" / "Dockerfile"
LOCKS = ("requirements.lock", "helm/image/requirements.lock", "tests/tools.lock")


def pins(lock: str) -> dict[str, str]:
    """Package to version, of one lock file."""
    found = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    return dict(found)


def final_stage() -> list[str]:
    text = DOCKERFILE.read_text().rsplit("\nFROM ", 1)[-1]
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def test_the_image_runs_the_sidecar_itself_as_a_numbered_user_without_a_shell() -> None:
    stage = final_stage()
    assert "USER 65532:65532" in stage
    assert 'ENTRYPOINT ["sidecar"]' in stage
    assert not any(line.startswith("RUN") for line in stage)


def test_the_base_image_can_be_chosen_and_is_the_same_in_every_stage() -> None:
    lines = DOCKERFILE.read_text().splitlines()
    stages = [line for line in lines if line.startswith("FROM ")]
    assert {line.split()[1] for line in stages} == {"${BASE_IMAGE}"}
    assert any(line.startswith("ARG BASE_IMAGE=") for line in lines)


def test_everything_that_is_downloaded_into_the_image_is_checked_by_hash() -> None:
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    commands = re.findall(r"pip (?:install|download|wheel)\b[^&\n]*", text)
    assert commands
    for command in commands:
        is_local = "--no-deps" in command and ("--no-index" in command or "pip wheel" in command)
        assert is_local or "--require-hashes" in command, command


def test_the_build_context_holds_what_the_dockerfile_copies_and_nothing_secret() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert "*" in ignore
    assert {source for copied in copies for source in copied.split()} == allowed


def test_the_image_holds_the_versions_that_were_tested() -> None:
    image, tested = pins("helm/image/requirements.lock"), pins("requirements.lock")
    assert image.items() <= tested.items()
    assert {"starlette", "mcp"} <= set(image)
    assert not {"pytest", "mypy", "hatchling"} & set(image)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_registry_and_no_machine(lock: str) -> None:
    text = (ROOT / lock).read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) == len(pins(lock))
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|--index|--find-links|(^|\s)/", text)


def test_the_node_lock_names_no_registry() -> None:
    text = (ROOT / "tests" / "node" / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 100


@pytest.mark.sockets
def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    command = [tools.require("hadolint"), DOCKERFILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.sockets
def test_the_wheel_carries_policies_and_catalog_inside_the_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)]
    done = subprocess.run([*build, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("policies", "tool_catalog"):
        shipped = {name for name in names if name.startswith(f"sidecar/_library/{folder}/")}
        there = {path for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert shipped == {f"sidecar/_library/{path.relative_to(ROOT)}" for path in there}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_the_recipe_for_an_engine_of_ones_own_builds_the_archive_that_is_pinned() -> None:
    """Its first line, run as it stands, takes the pin out of the lock, and nothing else."""
    text = (ROOT / "helm" / "README.md").read_text()
    (line,) = re.findall(r"^(sed .*) > engine\.lock$", text, re.MULTILINE)
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=True)
    name, *hashes = done.stdout.replace("\\\n", " ").split()
    assert name == f"gordon-to-regorus=={pins('requirements.lock')['gordon-to-regorus']}"
    assert len(hashes) > 1
    assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", one) for one in hashes)
